"""Servers that are not there: real sockets on loopback, scripted answers and scripted faults."""

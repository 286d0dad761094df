"""What other programs have written, as this one keeps it: one module a program."""

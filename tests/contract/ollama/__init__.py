"""What Ollama answers; SOURCE.md says what is documented and what is recorded."""

"""What installed code could do by its text: sources, bytecode and DLLs of distributions, read but never run."""

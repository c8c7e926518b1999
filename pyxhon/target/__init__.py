"""What Linux knows of the target: its root, its process, its ELF files and their markers."""

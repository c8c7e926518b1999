"""What a DLL's file says of itself: needed libraries, imports, system call instructions, constructors and more."""

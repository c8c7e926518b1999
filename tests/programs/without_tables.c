// A DLL to be compiled without unwind tables; its functions call each other before they call out.
#define KEEP __attribute__((noinline, noclone))
static volatile int kept;

KEEP void inner(void (*callback)(void))
{
	volatile char room[120];
	room[0] = 1;
	callback();
	kept += room[0];
}

KEEP void enter(void (*callback)(void))
{
	kept++;
	inner(callback);
	kept++;
}

// The system call is made here, not in the C library: getppid, number 110.
KEEP void leaf(void (*unused)(void))
{
	long number = 110;
	__asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
	kept += (int)number;
}

KEEP void enter_leaf(void (*callback)(void))
{
	volatile char room[200];
	room[0] = 1;
	leaf(callback);
	kept += room[0];
}

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

// An extension module. Declares the few parts of CPython's stable ABI that it needs by hand, so that one file serves
// every interpreter from 3.8 on and no headers have to be there.
#include "acts.h"

typedef struct object object;
struct method {
	const char *name;
	object *(*function)(object *, object *);
	int flags;
	const char *documentation;
};
struct module {
	struct {
		long references;
		void *type, *initialise;
		long index;
		void *copy;
	} base;
	const char *name, *documentation;
	long size;
	struct method *methods;
	void *slots, *traverse, *clear, *free;
};
object *PyModule_Create2(struct module *, int version);
object *PyLong_FromLong(long);
long PyLong_AsLong(object *);
object *PyUnicode_AsUTF8String(object *);
char *PyBytes_AsString(object *);
void Py_DecRef(object *);
enum { METH_O = 8, ABI_VERSION = 3, IMMORTAL = 1 };

static object *remove_path(object *self, object *path)
{
	object *bytes = PyUnicode_AsUTF8String(path);
	int result = unlink(PyBytes_AsString(bytes));
	Py_DecRef(bytes);
	return PyLong_FromLong(result);
}

static object *connect_to(object *self, object *port)
{
	int descriptor = connected((int)PyLong_AsLong(port));
	if (descriptor >= 0)
		close(descriptor);
	return PyLong_FromLong(descriptor);
}

static struct method methods[] = {
	{"remove_path", remove_path, METH_O, NULL},
	{"connect_to", connect_to, METH_O, NULL},
	{NULL, NULL, 0, NULL},
};
static struct module module = {
	.base = {.references = IMMORTAL}, .name = "hostile_extension", .size = -1, .methods = methods};

__attribute__((visibility("default"))) object *PyInit_hostile_extension(void)
{
	const char *path = getenv("HOSTILE_INITIALISATION");
	if (path)
		unlink(path);
	return PyModule_Create2(&module, ABI_VERSION);
}

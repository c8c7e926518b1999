/* An extension module with a function for each way that CPython calls C functions; each counts its own calls. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum { NOARGS, O, VARARGS, KEYWORDS, FAST, FAST_KEYWORDS, METHOD, CLASS_O, STATIC_O, INSTANCE_FAST, KINDS };
static const char *names[KINDS] = {"noargs",	    "o",      "varargs", "keywords", "fast",
				   "fast_keywords", "method", "class_o", "static_o", "instance_fast"};
static long counts[KINDS];

static PyObject *count(int kind)
{
	counts[kind]++;
	Py_RETURN_NONE;
}

static PyObject *call_noargs(PyObject *self, PyObject *nothing)
{
	return count(NOARGS);
}

static PyObject *call_o(PyObject *self, PyObject *argument)
{
	return count(O);
}

static PyObject *call_varargs(PyObject *self, PyObject *arguments)
{
	return count(VARARGS);
}

static PyObject *call_keywords(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	return count(KEYWORDS);
}

static PyObject *call_fast(PyObject *self, PyObject *const *arguments, Py_ssize_t given)
{
	return count(FAST);
}

static PyObject *call_fast_keywords(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *names)
{
	return count(FAST_KEYWORDS);
}

static PyObject *call_class_o(PyObject *self, PyObject *argument)
{
	return count(CLASS_O);
}

static PyObject *call_static_o(PyObject *self, PyObject *argument)
{
	return count(STATIC_O);
}

static PyObject *call_instance_fast(PyObject *self, PyObject *const *arguments, Py_ssize_t given)
{
	return count(INSTANCE_FAST);
}

#ifdef METH_METHOD
static PyObject *call_method(PyObject *self, PyTypeObject *of, PyObject *const *arguments, Py_ssize_t given,
			     PyObject *names)
{
	return count(METHOD);
}
#endif

static PyObject *report(PyObject *self, PyObject *nothing)
{
	PyObject *all = PyDict_New();
	for (int i = 0; i < KINDS; i++) {
		PyObject *value = PyLong_FromLong(counts[i]);
		PyDict_SetItemString(all, names[i], value);
		Py_DECREF(value);
	}
	return all;
}

static PyMethodDef of_module[] = {
	{"noargs", call_noargs, METH_NOARGS, "without arguments"},
	{"o", call_o, METH_O, NULL},
	{"varargs", call_varargs, METH_VARARGS, NULL},
	{"keywords", (PyCFunction)(void *)call_keywords, METH_VARARGS | METH_KEYWORDS, NULL},
	{"fast", (PyCFunction)(void *)call_fast, METH_FASTCALL, NULL},
	{"fast_keywords", (PyCFunction)(void *)call_fast_keywords, METH_FASTCALL | METH_KEYWORDS, NULL},
	{"report", report, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyMethodDef of_type[] = {
	{"class_o", call_class_o, METH_O | METH_CLASS, NULL},
	{"static_o", call_static_o, METH_O | METH_STATIC, NULL},
	{"instance_fast", (PyCFunction)(void *)call_instance_fast, METH_FASTCALL, NULL},
#ifdef METH_METHOD
	{"method", (PyCFunction)(void *)call_method, METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
#endif
	{NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {{Py_tp_doc, "a type"}, {Py_tp_methods, of_type}, {0, NULL}};
static PyType_Spec spec = {"conventions.Thing", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, slots};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "conventions", NULL, -1, of_module};

PyMODINIT_FUNC PyInit_conventions(void)
{
	PyObject *module = PyModule_Create(&definition);
	PyModule_AddObject(module, "Thing", PyType_FromSpec(&spec));
	return module;
}

/* The compiled part, which is optional: what is asked at every access while versions overlap, and at some always.

   `Places` is the base of `blockfreeze.dispatch.vector.OverlapVector`, `Switch` that of
   `blockfreeze.identity.versioned_attribute.VersionedAttribute`. Each does here what the functions of the same names do
   in `blockfreeze/dispatch/uncompiled.py`. `View` and `Shown` are those of `blockfreeze/dispatch/shown.py`: what reads
   the attributes of a module that was swapped. Each leaves to a function in Python whatever is not answered by one look
   at the frame that asks: `_found`, `_get` and `look_up`. Nothing else is decided here, and nothing is kept.

   Only the public interface of CPython is used. Every function is called with the interpreter's lock held, and none
   gives it up before it has got the value that it returns, but where Python code is called as the last thing. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

typedef struct {
    PyObject *vector, *found, *get, *phase, *classes, *legacy, *view_name, *answers, *note, *outside, *by_globals, *block; /* names */
    PyObject *trace, *slot, *gettrace, *said_by, *getframe, *one, *absent, *in_service;
    PyTypeObject *places, *view_type, *reference_type, *note_type, *forwarder_tag, *dispatch_tag;
} State;

static struct PyModuleDef module_definition;

static State *state_of(PyObject *self) {
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(self), &module_definition);
    return module == NULL ? NULL : (State *)PyModule_GetState(module);
}

/* ---- Attributes that are read all the time ---- */

/* The descriptors were looked up when the module was loaded, and are asked at once. No program can change the type of
   frames, and nothing changes that of references; whatever is not exactly one is asked for its attribute. */

/* Return the note on a frame, or whatever else is its trace function, as a new reference. */
static PyObject *note_on(State *state, PyObject *frame) {
    PyGetSetDef *trace = ((PyGetSetDescrObject *)state->trace)->d_getset;
    return trace->get(frame, trace->closure);
}

static int set_note(State *state, PyObject *frame, PyObject *note) {
    PyGetSetDef *trace = ((PyGetSetDescrObject *)state->trace)->d_getset;
    return trace->set(frame, note, trace->closure);
}

/* Return the vector that a reference points to, as a new reference: the one load. */
static PyObject *vector_of(State *state, PyObject *reference) {
    if (!Py_IS_TYPE(reference, state->reference_type)) {
        return PyObject_GetAttr(reference, state->vector);
    }
    Py_ssize_t offset = ((PyMemberDescrObject *)state->slot)->d_member->offset;
    PyObject *vector = *(PyObject **)((char *)reference + offset);
    if (vector == NULL) {
        PyErr_SetString(PyExc_AttributeError, "vector");
    }
    return Py_XNewRef(vector);
}

/* ---- The walk ---- */

/* The frames of plain functions that a walk has passed, from the innermost outwards; each is held. */
typedef struct {
    PyFrameObject **frames, *few[32];
    Py_ssize_t count, room;
} Passed;

static int passed_add(Passed *passed, PyFrameObject *frame) {
    if (passed->count == passed->room) {
        Py_ssize_t room = passed->room * 4;
        PyFrameObject **more = PyMem_New(PyFrameObject *, room);
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memcpy(more, passed->frames, passed->count * sizeof(PyFrameObject *));
        if (passed->frames != passed->few) {
            PyMem_Free(passed->frames);
        }
        passed->frames = more;
        passed->room = room;
    }
    passed->frames[passed->count++] = (PyFrameObject *)Py_NewRef(frame);
    return 0;
}

static void passed_free(Passed *passed) {
    for (Py_ssize_t at = 0; at < passed->count; at++) {
        Py_DECREF(passed->frames[at]);
    }
    if (passed->frames != passed->few) {
        PyMem_Free(passed->frames);
    }
}

/* Store in `answer` what a note says of a block, as a new reference: a generation, or None; NULL if it says nothing. A
   generation that is forgotten, as a candidate that was discarded, has a note without answers. */
static int noted_answer(State *state, PyObject *note, PyObject *block, PyObject **answer) {
    *answer = NULL;
    if (!Py_IS_TYPE(note, state->note_type)) {
        return 0;
    }
    PyObject *answers = PyObject_GetAttr(note, state->answers);
    if (answers == NULL) {
        return -1;
    }
    PyObject *noted = PyDict_Check(answers) ? Py_XNewRef(PyDict_GetItemWithError(answers, block)) : NULL;
    Py_DECREF(answers);
    if (noted == NULL || noted == Py_None) {
        *answer = noted;
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *own = PyObject_GetAttr(noted, state->note);
    answers = own == NULL ? NULL : PyObject_GetAttr(own, state->answers);
    Py_XDECREF(own);
    Py_ssize_t size = answers == NULL ? -1 : PyObject_Size(answers);
    Py_XDECREF(answers);
    if (size > 0) {
        *answer = noted;
    }
    else {
        Py_DECREF(noted);
    }
    return size < 0 ? -1 : 0;
}

/* Note on a frame what was found: `note`, joined to what is known of other blocks. */
static int put_note(State *state, PyFrameObject *frame, PyObject *block, PyObject *note, PyObject *answer) {
    PyObject *known = note_on(state, (PyObject *)frame);
    if (known == NULL) {
        return -1;
    }
    int done = 0;
    if (known == Py_None) {
        done = set_note(state, (PyObject *)frame, note);
    }
    else if (Py_IS_TYPE(known, state->note_type)) {
        PyObject *answers = PyObject_GetAttr(known, state->answers);
        PyObject *both = answers == NULL ? NULL : PyDict_Copy(answers);
        Py_XDECREF(answers);
        PyObject *joined = NULL;
        if (both != NULL && PyDict_SetItem(both, block, answer) == 0) {
            joined = PyObject_CallOneArg((PyObject *)state->note_type, both);
        }
        Py_XDECREF(both);
        done = joined == NULL ? -1 : set_note(state, (PyObject *)frame, joined);
        Py_XDECREF(joined);
    }
    Py_DECREF(known);
    return done;
}

/* Note `answer`, a generation or None, on frames of plain functions, unless they are traced: then the place is taken. */
static int put_notes(State *state, PyFrameObject **frames, Py_ssize_t count, PyObject *block, PyObject *answer) {
    if (count == 0) {
        return 0;
    }
    PyObject *note =
        answer == Py_None ? PyObject_GetAttr(block, state->outside) : PyObject_GetAttr(answer, state->note);
    if (note == NULL) {
        return -1;
    }
    int done = 0;
    for (Py_ssize_t at = 0; done == 0 && at < count; at++) {
        done = put_note(state, frames[at], block, note, answer);
    }
    Py_DECREF(note);
    return done;
}

typedef struct {
    PyObject *found, *served; /* NULL, or held */
    Py_ssize_t within;
} Said;

/* Look at one frame: whether it says where it is. What a frame of ours says, `said_by` tells. */
static int look_at(
    State *state, PyObject *block, PyObject *by_globals, PyFrameObject *frame, Passed *passed, Said *said) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *constants = code->co_consts;
    Py_ssize_t size = PyTuple_GET_SIZE(constants);
    PyTypeObject *last = size == 0 ? NULL : Py_TYPE(PyTuple_GET_ITEM(constants, size - 1));
    int done = 0;
    if (last != NULL && (last == state->forwarder_tag || last == state->dispatch_tag)) {
        PyObject *tag = PyTuple_GET_ITEM(constants, size - 1), *found, *current;
        PyObject *both = PyObject_CallFunctionObjArgs(state->said_by, block, (PyObject *)frame, tag, NULL);
        if (both == NULL || !PyArg_ParseTuple(both, "OO", &found, &current)) {
            done = -1;
        }
        else {
            if (found != Py_None) {
                said->found = Py_NewRef(found);
            }
            if (current != Py_None) {
                Py_XSETREF(said->served, Py_NewRef(current));
                said->within = passed->count;
            }
        }
        Py_XDECREF(both);
    }
    else {
        if (!(code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))) {
            done = passed_add(passed, frame);
        }
        PyObject *globals = PyFrame_GetGlobals(frame), *key = PyLong_FromVoidPtr(globals);
        if (key == NULL) {
            done = -1;
        }
        else if (done == 0) {
            said->found = Py_XNewRef(PyDict_GetItemWithError(by_globals, key));
            done = said->found == NULL && PyErr_Occurred() ? -1 : 0;
        }
        Py_XDECREF(key);
        Py_DECREF(globals);
    }
    Py_DECREF(code);
    return done;
}

static int is_traced(State *state) {
    PyObject *function = PyObject_CallNoArgs(state->gettrace);
    if (function == NULL) {
        return -1;
    }
    Py_DECREF(function);
    return function != Py_None;
}

/* Do what `_nearest` of `blockfreeze/dispatch/frames.py` does: return a generation or None, as a new reference. */
static PyObject *walk(State *state, PyObject *block, PyObject *start) {
    if (start == Py_None) {
        return Py_NewRef(Py_None);
    }
    if (!PyFrame_Check(start) || state->said_by == NULL) {
        PyErr_SetString(PyExc_TypeError, "a frame is walked from, once it is said what marks frames");
        return NULL;
    }
    PyObject *by_globals = PyObject_GetAttr(block, state->by_globals);
    if (by_globals == NULL || !PyDict_Check(by_globals)) {
        Py_XDECREF(by_globals);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "by_globals is a dictionary");
        }
        return NULL;
    }
    Passed passed = {.count = 0, .room = 32};
    passed.frames = passed.few;
    Said said = {NULL, NULL, 0};
    int done = 0;
    PyFrameObject *frame = (PyFrameObject *)Py_NewRef(start);
    while (frame != NULL && done == 0 && said.found == NULL) {
        PyObject *answer = NULL, *note = note_on(state, (PyObject *)frame);
        done = note == NULL ? -1 : noted_answer(state, note, block, &answer);
        Py_XDECREF(note);
        if (answer != NULL) {
            said.found = answer; /* None here: there is nothing further out, and that is known */
            break;
        }
        if (done == 0) {
            done = look_at(state, block, by_globals, frame, &passed, &said);
        }
        if (done == 0 && said.found == NULL) {
            Py_SETREF(frame, PyFrame_GetBack(frame));
        }
    }
    Py_XDECREF(frame);
    Py_DECREF(by_globals);
    if (said.found == NULL) {
        said.found = Py_NewRef(Py_None);
    }
    if (said.served == NULL || said.found != Py_None) {
        Py_XSETREF(said.served, Py_NewRef(said.found));
    }
    int traced = done == 0 && passed.count != 0 ? is_traced(state) : 0;
    if (done == 0 && traced == 0) {
        done = put_notes(state, passed.frames, said.within, block, said.served);
    }
    if (done == 0 && traced == 0) {
        done = put_notes(state, passed.frames + said.within, passed.count - said.within, block, said.found);
    }
    passed_free(&passed);
    Py_DECREF(said.found);
    if (done != 0 || traced == -1) {
        Py_CLEAR(said.served);
    }
    return said.served;
}

static PyObject *module_nearest(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "nearest() takes a block and a frame");
        return NULL;
    }
    return walk((State *)PyModule_GetState(module), given[0], given[1]);
}

static PyObject *module_know_frames(PyObject *module, PyObject *given) {
    State *state = (State *)PyModule_GetState(module);
    PyObject *note, *forwarder, *dispatch, *said_by;
    if (!PyArg_ParseTuple(
            given, "O!O!O!O", &PyType_Type, &note, &PyType_Type, &forwarder, &PyType_Type, &dispatch, &said_by)) {
        return NULL;
    }
    Py_XSETREF(state->note_type, (PyTypeObject *)Py_NewRef(note));
    Py_XSETREF(state->forwarder_tag, (PyTypeObject *)Py_NewRef(forwarder));
    Py_XSETREF(state->dispatch_tag, (PyTypeObject *)Py_NewRef(dispatch));
    Py_XSETREF(state->said_by, Py_NewRef(said_by));
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"nearest", (PyCFunction)(void (*)(void))module_nearest, METH_FASTCALL,
     "Return the generation of the nearest frame of a block, from a frame outwards; None if there is none."},
    {"know_frames", module_know_frames, METH_VARARGS,
     "Be told the types of notes and of the tags of our own frames, and what tells where such a frame has dispatched."},
    {NULL}};

/* ---- Places ---- */

typedef struct {
    PyObject_HEAD
    PyObject *head, *current, *inside, *outside, *entered, *pins, *served, *by_globals;
    const void *asked; /* the namespace that was asked for last, which may be gone: only the key is made of it */
    PyObject *key;
    char hooked; /* a forwarder may be that of an audit hook, which is told of `sys._getframe` */
} Places;

static PyMemberDef places_members[] = {
    {"head", T_OBJECT_EX, offsetof(Places, head), 0, NULL},
    {"current", T_OBJECT_EX, offsetof(Places, current), 0, NULL},
    {"inside", T_OBJECT_EX, offsetof(Places, inside), 0, NULL},
    {"outside", T_OBJECT_EX, offsetof(Places, outside), 0, NULL},
    {"entered", T_OBJECT_EX, offsetof(Places, entered), 0, NULL},
    {"pins", T_OBJECT_EX, offsetof(Places, pins), 0, NULL},
    {"served", T_OBJECT_EX, offsetof(Places, served), 0, NULL},
    {"by_globals", T_OBJECT_EX, offsetof(Places, by_globals), 0, NULL},
    {"hooked", T_BOOL, offsetof(Places, hooked), 0, NULL},
    {NULL}};

static int places_traverse(Places *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->head);
    Py_VISIT(self->current);
    Py_VISIT(self->inside);
    Py_VISIT(self->outside);
    Py_VISIT(self->entered);
    Py_VISIT(self->pins);
    Py_VISIT(self->served);
    Py_VISIT(self->by_globals);
    Py_VISIT(self->key);
    return 0;
}

static int places_clear(Places *self) {
    Py_CLEAR(self->head);
    Py_CLEAR(self->current);
    Py_CLEAR(self->inside);
    Py_CLEAR(self->outside);
    Py_CLEAR(self->entered);
    Py_CLEAR(self->pins);
    Py_CLEAR(self->served);
    Py_CLEAR(self->by_globals);
    Py_CLEAR(self->key);
    return 0;
}

static void places_dealloc(Places *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    places_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Whether a block has pins: then it matters who asks, and Python is to look. */
static int has_pins(const Places *self) {
    return self->pins == NULL || !PyDict_Check(self->pins) || PyDict_Size(self->pins) != 0;
}

/* Return the generation in which an access from `frame` is while the vector is `places`, or None if no frame of the
   block has called it, as a new reference: what the note on it says, or a walk. */
static PyObject *accessing(State *state, Places *places, PyObject *frame) {
    PyObject *note = note_on(state, frame);
    if (note == NULL) {
        return NULL;
    }
    Py_DECREF(note); /* it is only compared, and the frame has it */
    if (note == places->inside && places->current != NULL) {
        return Py_NewRef(places->current);
    }
    if (note == places->outside) {
        return Py_NewRef(Py_None);
    }
    PyObject *block = places->head == NULL ? NULL : PyObject_GetAttr(places->head, state->block);
    PyObject *found = block == NULL ? NULL : walk(state, block, frame);
    if (found == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_AttributeError, "head");
    }
    Py_XDECREF(block);
    return found;
}

/* Return the frame outside the forwarder's, which is the one that runs; NULL with a ValueError if there is none. */
static PyObject *caller_of_forwarder(State *state, Places *places) {
    if (!places->hooked) {
        return PyObject_CallOneArg(state->getframe, state->one); /* makes no object of the forwarder's own frame */
    }
    PyFrameObject *own = PyEval_GetFrame();
    PyObject *caller = own == NULL ? NULL : (PyObject *)PyFrame_GetBack(own);
    if (caller == NULL) {
        PyErr_SetNone(PyExc_ValueError);
    }
    return caller;
}

static PyObject *places_item(Places *self, PyObject *key) {
    Py_ssize_t place = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (place == -1 && PyErr_Occurred()) {
        return NULL;
    }
    State *state = state_of((PyObject *)self);
    if (state == NULL) {
        return NULL;
    }
    if (self->served == NULL || !PyTuple_Check(self->served)) {
        PyErr_SetString(PyExc_AttributeError, "served");
        return NULL;
    }
    if (place == 0 && self->head != NULL) {
        return Py_NewRef(self->head);
    }
    if (place < 0 || place >= PyTuple_GET_SIZE(self->served)) {
        PyErr_SetString(PyExc_IndexError, "there is no such place");
        return NULL;
    }
    PyObject *caller = caller_of_forwarder(state, self);
    if (caller == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) {
            return NULL;
        }
        PyErr_Clear(); /* it has no caller */
        caller = Py_NewRef(Py_None);
    }
    else {
        PyObject *found = accessing(state, self, caller);
        if (found == NULL) {
            Py_DECREF(caller);
            return NULL;
        }
        Py_DECREF(found); /* the vector has the current generation */
        if (found == self->current || (found == Py_None && self->entered == self->outside && !has_pins(self))) {
            Py_DECREF(caller);
            return Py_NewRef(PyTuple_GET_ITEM(self->served, place));
        }
    }
    PyObject *found = PyObject_CallMethodObjArgs((PyObject *)self, state->found, key, caller, NULL);
    Py_DECREF(caller);
    return found;
}

static Py_ssize_t places_length(Places *self) {
    return self->served == NULL ? 0 : PyObject_Size(self->served);
}

static PyType_Slot places_slots[] = {
    {Py_tp_doc, "What serves each entry, for the call of the forwarder that asks."},
    {Py_tp_members, places_members},
    {Py_tp_traverse, places_traverse},
    {Py_tp_clear, places_clear},
    {Py_tp_dealloc, places_dealloc},
    {Py_mp_subscript, places_item},
    {Py_mp_length, places_length},
    {0, NULL}};

static PyType_Spec places_spec = {
    "blockfreeze._speed.Places", sizeof(Places), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, places_slots};

/* ---- Switch ---- */

enum { ANY, CONSTRUCTOR, DATA };

typedef struct {
    PyObject_HEAD
    PyObject *reference, *inner, *outward;
    int kind;
} Switch;

static PyMemberDef switch_members[] = {
    {"reference", T_OBJECT_EX, offsetof(Switch, reference), 0, NULL},
    {"inner", T_OBJECT_EX, offsetof(Switch, inner), 0, NULL},
    {"outward", T_OBJECT_EX, offsetof(Switch, outward), 0, NULL},
    {"kind", T_INT, offsetof(Switch, kind), 0, NULL},
    {NULL}};

static int switch_traverse(Switch *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->reference);
    Py_VISIT(self->inner);
    Py_VISIT(self->outward);
    return 0;
}

static int switch_clear(Switch *self) {
    Py_CLEAR(self->reference);
    Py_CLEAR(self->inner);
    Py_CLEAR(self->outward);
    return 0;
}

static void switch_dealloc(Switch *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    switch_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Whether instances that `generation` makes are noted, or made into others: 1, 0, or -1 with an error. */
static int is_noting(State *state, PyObject *generation) {
    PyObject *phase = PyObject_GetAttr(generation, state->phase);
    if (phase == NULL) {
        return -1;
    }
    Py_DECREF(phase);
    if (phase != state->in_service) {
        return 1;
    }
    PyObject *classes = PyObject_GetAttr(generation, state->classes);
    if (classes == NULL) {
        return -1;
    }
    PyObject *legacy = PyObject_GetAttr(classes, state->legacy);
    Py_DECREF(classes);
    if (legacy == NULL) {
        return -1;
    }
    int found = PyObject_IsTrue(legacy);
    Py_DECREF(legacy);
    return found;
}

/* Return the generation whose code makes the access that is under way, as a new reference; NULL if it is no code of the
   block. Its namespace tells, and no object need be made of its frame. */
static PyObject *own_generation(Places *places) {
    PyObject *globals = PyEval_GetGlobals();
    if (globals == NULL || places->by_globals == NULL || !PyDict_Check(places->by_globals)) {
        return NULL;
    }
    if (places->asked != globals) {
        PyObject *key = PyLong_FromVoidPtr(globals);
        if (key == NULL) {
            return NULL;
        }
        Py_XSETREF(places->key, key);
        places->asked = globals;
    }
    return Py_XNewRef(PyDict_GetItemWithError(places->by_globals, places->key));
}

/* Return the value for the access that is under way if its frame shows whose it is, as a new reference; NULL otherwise.
 */
static PyObject *noted_value(State *state, Switch *self, int from_class) {
    if (self->reference == NULL || self->inner == NULL || self->outward == NULL) {
        return NULL;
    }
    PyObject *value = NULL, *vector = vector_of(state, self->reference);
    if (vector == NULL) {
        return NULL;
    }
    if (PyObject_TypeCheck(vector, state->places)) {
        Places *places = (Places *)vector;
        PyObject *found = own_generation(places);
        if (found == NULL && !PyErr_Occurred()) {
            PyObject *frame = (PyObject *)PyEval_GetFrame();
            found = frame == NULL ? NULL : accessing(state, places, frame);
        }
        int inside = found != Py_None;
        if (found == Py_None && places->current != NULL && !has_pins(places)) {
            Py_SETREF(found, Py_NewRef(places->current));
        }
        if (found != NULL && found != Py_None) {
            int noting = self->kind == CONSTRUCTOR ? is_noting(state, found) : 0;
            PyObject *values = inside && !from_class ? self->inner : self->outward;
            if (noting == 0 && PyDict_Check(values)) {
                value = Py_XNewRef(PyDict_GetItemWithError(values, found));
            }
        }
        Py_XDECREF(found);
    }
    Py_DECREF(vector);
    return value;
}

static int is_bound_by_us(Switch *self, State *state, PyObject *value) {
    if (self->kind == DATA) {
        return Py_IS_TYPE(value, &PyProperty_Type);
    }
    return value != state->absent
           && (Py_IS_TYPE(value, &PyFunction_Type) || Py_IS_TYPE(value, &PyProperty_Type)
               || Py_IS_TYPE(value, &PyStaticMethod_Type) || Py_IS_TYPE(value, &PyClassMethod_Type)
               || (Py_TYPE(value)->tp_descr_get == NULL));
}

static PyObject *switch_get(Switch *self, PyObject *instance, PyObject *owner) {
    State *state = state_of((PyObject *)self);
    if (state == NULL) {
        return NULL;
    }
    if (instance == Py_None) {
        instance = NULL;
    }
    PyObject *value = noted_value(state, self, instance == NULL);
    if (value == NULL && PyErr_Occurred()) {
        return NULL;
    }
    if (value != NULL) {
        /* It may have become an instance of another class since this access began, before the value was chosen. */
        int is_still = instance == NULL ? owner != NULL : (PyObject *)Py_TYPE(instance) == owner;
        if (is_still && is_bound_by_us(self, state, value)) {
            descrgetfunc get = Py_TYPE(value)->tp_descr_get;
            PyObject *bound = get == NULL ? Py_NewRef(value) : get(value, instance, owner);
            Py_DECREF(value);
            return bound;
        }
        Py_DECREF(value);
    }
    PyObject *frame = (PyObject *)PyEval_GetFrame();
    return PyObject_CallMethodObjArgs(
        (PyObject *)self, state->get, frame == NULL ? Py_None : frame, instance == NULL ? Py_None : instance,
        owner == NULL ? Py_None : owner, NULL);
}

static PyType_Slot switch_slots[] = {
    {Py_tp_doc, "A descriptor with a value for each generation."},
    {Py_tp_members, switch_members},
    {Py_tp_traverse, switch_traverse},
    {Py_tp_clear, switch_clear},
    {Py_tp_dealloc, switch_dealloc},
    {Py_tp_descr_get, switch_get},
    {0, NULL}};

static PyType_Spec switch_spec = {
    "blockfreeze._speed.Switch", sizeof(Switch), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, switch_slots};

/* ---- View and Shown ---- */

typedef struct {
    PyObject_HEAD
    PyObject *shown, *reference, *look_up;
} View;

static PyMemberDef view_members[] = {
    {"shown", T_OBJECT_EX, offsetof(View, shown), 0, NULL},
    {"reference", T_OBJECT_EX, offsetof(View, reference), 0, NULL},
    {"look_up", T_OBJECT_EX, offsetof(View, look_up), 0, NULL},
    {NULL}};

static int view_init(View *self, PyObject *given, PyObject *named) {
    static char *keywords[] = {"reference", "look_up", NULL};
    PyObject *reference, *look_up;
    if (!PyArg_ParseTupleAndKeywords(given, named, "OO", keywords, &reference, &look_up)) {
        return -1;
    }
    Py_XSETREF(self->reference, Py_NewRef(reference));
    Py_XSETREF(self->look_up, Py_NewRef(look_up));
    PyObject *nothing = Py_BuildValue("({}N()O)", PyFrozenSet_New(NULL), Py_None);
    if (nothing == NULL) {
        return -1;
    }
    Py_XSETREF(self->shown, nothing);
    return 0;
}

static int view_traverse(View *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->shown);
    Py_VISIT(self->reference);
    Py_VISIT(self->look_up);
    return 0;
}

static int view_clear(View *self) {
    Py_CLEAR(self->shown);
    Py_CLEAR(self->reference);
    Py_CLEAR(self->look_up);
    return 0;
}

static void view_dealloc(View *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    view_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyType_Slot view_slots[] = {
    {Py_tp_doc, "What a facade reads at once."},
    {Py_tp_members, view_members},
    {Py_tp_init, view_init},
    {Py_tp_traverse, view_traverse},
    {Py_tp_clear, view_clear},
    {Py_tp_dealloc, view_dealloc},
    {0, NULL}};

static PyType_Spec view_spec = {
    "blockfreeze._speed.View", sizeof(View), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, view_slots};

/* Whether the running frame reads in `generation`, which serves new calls: 1 or 0; -1 with an error. */
static int reads_in(State *state, PyObject *reference, PyObject *generation) {
    PyObject *frame = (PyObject *)PyEval_GetFrame();
    if (frame == NULL) {
        return 0;
    }
    PyObject *vector = vector_of(state, reference);
    if (vector == NULL) {
        return -1;
    }
    int found = 0;
    if (PyObject_TypeCheck(vector, state->places) && ((Places *)vector)->current == generation) {
        Places *places = (Places *)vector;
        PyObject *reading = accessing(state, places, frame);
        found = reading == NULL ? -1 : reading == generation || (reading == Py_None && !has_pins(places));
        Py_XDECREF(reading);
    }
    Py_DECREF(vector);
    return found;
}

/* Return what a name is where its view shows it, as a new reference; NULL, maybe with an error, if it is to be looked
   up. A look into a dictionary may run any code, if it has keys that are no texts. */
static PyObject *shown_value(State *state, View *view, PyObject *shown, PyObject *name) {
    if (!PyTuple_Check(shown) || PyTuple_GET_SIZE(shown) != 4 || !PyDict_Check(PyTuple_GET_ITEM(shown, 0))) {
        return NULL;
    }
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(PyTuple_GET_ITEM(shown, 0), name));
    if (value == NULL) {
        return NULL;
    }
    PyObject *apart = PyTuple_GET_ITEM(shown, 1), *others = PyTuple_GET_ITEM(shown, 2);
    int is_shown = PyFrozenSet_Check(apart) && PyTuple_Check(others);
    if (is_shown && PySet_GET_SIZE(apart) != 0) {
        int is_apart = PySet_Contains(apart, name);
        is_shown = is_apart == -1 ? -1 : !is_apart;
    }
    for (Py_ssize_t at = 0; is_shown == 1 && at < PyTuple_GET_SIZE(others); at++) {
        if (PyDict_GetItemWithError(PyTuple_GET_ITEM(others, at), name) != value) {
            PyObject *generation = PyTuple_GET_ITEM(shown, 3);
            is_shown = PyErr_Occurred() ? -1 : reads_in(state, view->reference, generation);
            break;
        }
    }
    if (is_shown != 1) {
        Py_CLEAR(value);
    }
    return value;
}

static PyObject *shown_getattro(PyObject *self, PyObject *name) {
    State *state = state_of(self);
    if (state == NULL) {
        return NULL;
    }
    PyObject *found = PyDict_GetItemWithError(Py_TYPE(self)->tp_dict, state->view_name);
    if (found == NULL || !Py_IS_TYPE(found, state->view_type)) {
        return PyErr_Occurred() ? NULL : PyObject_GenericGetAttr(self, name);
    }
    View *view = (View *)Py_NewRef(found);
    PyObject *value = NULL;
    if (view->shown == NULL || view->reference == NULL || view->look_up == NULL) {
        PyErr_SetString(PyExc_AttributeError, "the view of a facade");
    }
    else {
        PyObject *shown = Py_NewRef(view->shown);
        value = shown_value(state, view, shown, name);
        Py_DECREF(shown);
        if (value == NULL && !PyErr_Occurred()) {
            PyObject *frame = (PyObject *)PyEval_GetFrame();
            value = PyObject_CallFunctionObjArgs(view->look_up, self, name, frame == NULL ? Py_None : frame, NULL);
        }
    }
    Py_DECREF(view);
    return value;
}

static PyType_Slot shown_slots[] = {
    {Py_tp_doc, "The base of a facade's class whose attributes are read at once where its view has them."},
    {Py_tp_getattro, shown_getattro},
    {0, NULL}};

static PyType_Spec shown_spec = {
    "blockfreeze._speed.Shown", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, shown_slots};

/* ---- The module ---- */

static PyObject *attribute_of(const char *module, const char *name) {
    PyObject *found = NULL, *imported = PyImport_ImportModule(module);
    if (imported != NULL) {
        found = PyObject_GetAttrString(imported, name);
        Py_DECREF(imported);
    }
    return found;
}

static int add_type(PyObject *module, PyType_Spec *spec, PyObject *base) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, base);
    if (type == NULL) {
        return -1;
    }
    int added = PyModule_AddType(module, type);
    Py_DECREF(type);
    return added;
}

static int module_exec(PyObject *module) {
    State *state = PyModule_GetState(module);
    struct {
        PyObject **where;
        const char *text;
    } names[] = {{&state->vector, "vector"}, {&state->found, "_found"},
                 {&state->get, "_get"},      {&state->phase, "phase"},     {&state->classes, "classes"},
                 {&state->legacy, "legacy"}, {&state->view_name, "blockfreeze_view"},
                 {&state->answers, "answers"}, {&state->note, "note"},     {&state->outside, "outside"},
                 {&state->by_globals, "by_globals"}, {&state->block, "block"}};
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if ((*names[at].where = PyUnicode_InternFromString(names[at].text)) == NULL) {
            return -1;
        }
    }
    /* What the Python side calls here; it goes without this part if it was built from other sources. */
    if (PyModule_AddIntConstant(module, "FORM", 4) < 0) {
        return -1;
    }
    PyObject *getframe = PySys_GetObject("_getframe"); /* now: a program may delete it */
    PyObject *gettrace = PySys_GetObject("gettrace");
    if (getframe == NULL || gettrace == NULL) {
        PyErr_SetString(PyExc_ImportError, "sys._getframe, sys.gettrace");
        return -1;
    }
    state->getframe = Py_NewRef(getframe);
    state->gettrace = Py_NewRef(gettrace);
    PyObject *reference_type = attribute_of("blockfreeze.model.reference", "Reference");
    state->reference_type = (PyTypeObject *)reference_type;
    state->slot = reference_type == NULL ? NULL : PyObject_GetAttr(reference_type, state->vector);
    state->trace = PyObject_GetAttrString((PyObject *)&PyFrame_Type, "f_trace");
    if (state->slot == NULL || state->trace == NULL) {
        return -1;
    }
    if (!Py_IS_TYPE(state->slot, &PyMemberDescr_Type) || !Py_IS_TYPE(state->trace, &PyGetSetDescr_Type)) {
        PyErr_SetString(PyExc_ImportError, "this CPython has frames or slots of another kind");
        return -1;
    }
    if ((state->one = PyLong_FromLong(1)) == NULL) {
        return -1;
    }
    if ((state->absent = attribute_of("blockfreeze.core.safe_access", "ABSENT")) == NULL) {
        return -1;
    }
    PyObject *phase = attribute_of("blockfreeze.model.phase", "Phase");
    state->in_service = phase == NULL ? NULL : PyObject_GetAttrString(phase, "IN_SERVICE");
    Py_XDECREF(phase);
    if (state->in_service == NULL) {
        return -1;
    }
    state->places = (PyTypeObject *)PyType_FromModuleAndSpec(module, &places_spec, NULL);
    if (state->places == NULL || PyModule_AddType(module, state->places) < 0) {
        return -1;
    }
    state->view_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &view_spec, NULL);
    if (state->view_type == NULL || PyModule_AddType(module, state->view_type) < 0) {
        return -1;
    }
    if (add_type(module, &switch_spec, NULL) < 0) {
        return -1;
    }
    return add_type(module, &shown_spec, (PyObject *)&PyModule_Type);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    State *state = PyModule_GetState(module);
    Py_VISIT(state->trace);
    Py_VISIT(state->slot);
    Py_VISIT(state->reference_type);
    Py_VISIT(state->getframe);
    Py_VISIT(state->gettrace);
    Py_VISIT(state->said_by);
    Py_VISIT(state->note_type);
    Py_VISIT(state->forwarder_tag);
    Py_VISIT(state->dispatch_tag);
    Py_VISIT(state->absent);
    Py_VISIT(state->in_service);
    Py_VISIT(state->places);
    Py_VISIT(state->view_type);
    return 0;
}

static int module_clear(PyObject *module) {
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->vector);
    Py_CLEAR(state->found);
    Py_CLEAR(state->get);
    Py_CLEAR(state->phase);
    Py_CLEAR(state->classes);
    Py_CLEAR(state->legacy);
    Py_CLEAR(state->answers);
    Py_CLEAR(state->note);
    Py_CLEAR(state->outside);
    Py_CLEAR(state->by_globals);
    Py_CLEAR(state->block);
    Py_CLEAR(state->trace);
    Py_CLEAR(state->slot);
    Py_CLEAR(state->reference_type);
    Py_CLEAR(state->getframe);
    Py_CLEAR(state->gettrace);
    Py_CLEAR(state->one);
    Py_CLEAR(state->said_by);
    Py_CLEAR(state->note_type);
    Py_CLEAR(state->forwarder_tag);
    Py_CLEAR(state->dispatch_tag);
    Py_CLEAR(state->absent);
    Py_CLEAR(state->in_service);
    Py_CLEAR(state->places);
    Py_CLEAR(state->view_name);
    Py_CLEAR(state->view_type);
    return 0;
}

static void module_free(void *module) { module_clear((PyObject *)module); }

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "blockfreeze._speed",
    .m_doc = "The compiled part: what is asked at every access while versions overlap.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__speed(void) { return PyModuleDef_Init(&module_definition); }

/* item_class: which classes there are. See item_class.h for the contract. */
#include "core/item_class.h"

/* A class that has no entry is not served. */
static const struct item_class_ops *const classes[CLASS_FILES + 1] = {
	[CLASS_CALENDAR] = &calendar_class,
	[CLASS_CONTACTS] = &contact_class,
	[CLASS_TASKS] = &task_class,
	[CLASS_NOTES] = &note_class,
};

const struct item_class_ops *item_class_ops(enum item_class class)
{
	return classes[class];
}

bool item_class_served(enum item_class class)
{
	return class == CLASS_EMAIL || item_class_ops(class) != NULL;
}

/* store: the names of classes and roles. See store.h for the contract. */
#include "store/store.h"

static const char *const class_names[] = {
	[CLASS_EMAIL] = "Email", [CLASS_CALENDAR] = "Calendar", [CLASS_CONTACTS] = "Contacts",
	[CLASS_TASKS] = "Tasks", [CLASS_NOTES] = "Notes",	[CLASS_FILES] = "Files",
};

static const char *const role_names[] = {
	[ROLE_NONE] = "",
	[ROLE_INBOX] = "inbox",
	[ROLE_DRAFTS] = "drafts",
	[ROLE_TRASH] = "trash",
	[ROLE_SENT] = "sent",
	[ROLE_OUTBOX] = "outbox",
	[ROLE_JUNK] = "junk",
	[ROLE_ARCHIVE] = "archive",
	[ROLE_CALENDAR] = "calendar",
	[ROLE_CONTACTS] = "contacts",
	[ROLE_TASKS] = "tasks",
	[ROLE_NOTES] = "notes",
	[ROLE_RECIPIENTS] = "recipients",
};

enum {
	CLASSES = sizeof class_names / sizeof *class_names,
	ROLES = sizeof role_names / sizeof *role_names
};

/* Position of a name, or -1. */
static int find_name(const char *const *names, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(str_of(names[i]), name))
			return i;
	return -1;
}

bool store_class_parse(struct str name, enum item_class *out)
{
	int i = find_name(class_names, CLASSES, name);
	if (i >= 0)
		*out = (enum item_class)i;
	return i >= 0;
}

const char *store_class_name(enum item_class class)
{
	return (unsigned)class < CLASSES ? class_names[class] : "";
}

bool store_role_parse(struct str name, enum folder_role *out)
{
	int i = find_name(role_names, ROLES, name);
	if (i >= 0)
		*out = (enum folder_role)i;
	return i >= 0;
}

const char *store_role_name(enum folder_role role)
{
	return (unsigned)role < ROLES ? role_names[role] : "";
}

bool store_refresh(struct store *s, int32_t account, const int32_t *folders, size_t n,
		   struct err *e)
{
	return !s->ops->refresh || s->ops->refresh(s, account, folders, n, e);
}

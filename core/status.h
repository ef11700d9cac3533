/*
 * status: the protocol's status values by name, and what each kind of failure is called by each
 * command and by HTTP. The one place where a status number is written.
 */
#ifndef EASEL_CORE_STATUS_H
#define EASEL_CORE_STATUS_H

#include "core/base/err.h"

/* Values that every command may answer from 14.0 on (MS-ASCMD 2.2.2). */
enum status_common {
	STATUS_OK = 1,
	STATUS_INVALID_CONTENT = 101,
	STATUS_INVALID_WBXML = 102,
	STATUS_INVALID_XML = 103,
	STATUS_INVALID_IDS = 106,
	STATUS_DEVICE_ID_INVALID = 108,
	STATUS_DEVICE_TYPE_INVALID = 109,
	STATUS_SERVER_ERROR = 110,
	STATUS_SERVER_RETRY = 111,
	STATUS_DEVICE_NOT_PROVISIONED = 142,
	STATUS_INVALID_POLICY_KEY = 144,
	STATUS_DEVICE_INFORMATION_REQUIRED = 165,
	STATUS_COMMAND_NOT_SUPPORTED = 137,
	STATUS_VERSION_NOT_SUPPORTED = 138,
	STATUS_QUOTA = 113,
	STATUS_ACCESS_DENIED = 130
};

/* MS-ASCMD 2.2.3.177.17 (Sync) */
enum status_sync {
	SYNC_KEY_INVALID = 3,
	SYNC_PROTOCOL = 4,
	SYNC_SERVER = 5,
	SYNC_CONVERSION = 6,
	SYNC_CONFLICT = 7,
	SYNC_NOT_FOUND = 8,
	SYNC_NO_SPACE = 9,
	SYNC_HIERARCHY = 12,
	SYNC_INCOMPLETE = 13,
	SYNC_WAIT_RANGE = 14,
	SYNC_TOO_MANY_COLLECTIONS = 15,
	SYNC_RETRY = 16
};

/* MS-ASCMD 2.2.3.177.5 (FolderSync) */
enum status_foldersync { FOLDERSYNC_SERVER = 6, FOLDERSYNC_KEY_INVALID = 9, FOLDERSYNC_MALFORMED = 10 };

/* MS-ASCMD 2.2.3.177.3 (FolderCreate), 2.2.3.177.4 (FolderDelete), 2.2.3.177.6 (FolderUpdate) */
enum status_folder_edit {
	FOLDER_EXISTS = 2,
	FOLDER_UPDATE_SPECIAL = 2,
	FOLDER_SPECIAL = 3,
	FOLDER_NOT_FOUND = 4,
	FOLDER_NO_PARENT = 5,
	FOLDER_KEY_INVALID = 9,
	FOLDER_MALFORMED = 10
};

/* MS-ASCMD 2.2.3.177.10 (MoveItems) */
enum status_moveitems {
	MOVE_NO_SOURCE = 1,
	MOVE_NO_DESTINATION = 2,
	MOVE_OK = 3,
	MOVE_SAME_FOLDER = 4,
	MOVE_FAILED = 5,
	MOVE_LOCKED = 7
};

/* MS-ASCMD 2.2.3.177.7 (GetItemEstimate) */
enum status_estimate { ESTIMATE_NO_COLLECTION = 2, ESTIMATE_NOT_PRIMED = 3, ESTIMATE_KEY_INVALID = 4 };

/* MS-ASCMD 2.2.3.177.11 (Ping) */
enum status_ping {
	PING_EXPIRED = 1,
	PING_CHANGED = 2,
	PING_MISSING = 3,
	PING_SYNTAX = 4,
	PING_HEARTBEAT = 5,
	PING_TOO_MANY_FOLDERS = 6,
	PING_HIERARCHY = 7,
	PING_SERVER = 8
};

/* MS-ASPROV 3.2.5.2 */
enum status_provision {
	PROVISION_PROTOCOL = 2,
	PROVISION_SERVER = 3,
	POLICY_NOT_DEFINED = 2,
	POLICY_TYPE_UNKNOWN = 3,
	POLICY_KEY_MISMATCH = 5
};

/* MS-ASCMD 2.2.3.177.14 (Settings) */
enum status_settings { SETTINGS_PROTOCOL = 2, SETTINGS_ACCESS_DENIED = 3, SETTINGS_SERVER = 4, SETTINGS_ARGUMENTS = 5 };

/* MS-ASCMD 2.2.3.177.8 (ItemOperations) */
enum status_itemoperations {
	ITEMOPS_PROTOCOL = 2,
	ITEMOPS_SERVER = 3,
	ITEMOPS_STORE = 9,
	ITEMOPS_NOT_FOUND = 6,
	ITEMOPS_RANGE = 8,
	ITEMOPS_CONVERSION = 14,
	ITEMOPS_ATTACHMENT = 15
};

/* HTTP status for a common status below 14.0, where it can't be said in the body (MS-ASCMD 2.2.2). */
int status_http(unsigned common);

/* The common status for a kind of failure. */
unsigned status_of(enum err_kind kind);

#endif

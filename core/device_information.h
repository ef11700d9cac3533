/* device_information: what a phone tells about itself, in Settings and in Provision. */
#ifndef EASEL_CORE_DEVICE_INFORMATION_H
#define EASEL_CORE_DEVICE_INFORMATION_H

#include <stdbool.h>

#include "core/call.h"

/*
 * Stores a settings:DeviceInformation element (MS-ASCMD 2.2.3.45). Returns the Status for it:
 * STATUS_OK, SETTINGS_PROTOCOL when it has no Set, SETTINGS_ARGUMENTS when a value is not allowed;
 * 0 when it could not be stored (c->err is set).
 */
unsigned device_information_store(struct call *c, const struct wbxml_node *information);

#endif

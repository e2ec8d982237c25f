/* SPDX-License-Identifier: Apache-2.0 */
/* Is a record what its kind says? For records that come from outside: a file may hold anything. */
#pragma once

#include "abi/event.h"

#include <stdbool.h>
#include <stdint.h>

/** Smallest size of a record of @kind, in bytes; 0 = not a kind this crosscut knows. */
uint32_t xc_record_min_size(uint16_t kind);

/**
 * Can @e be handed on? Every text in it must end inside its field. A record of an unknown
 * kind, or shorter than its kind, is nobody's business here: whoever takes it counts it.
 */
bool xc_record_is_sound(const struct xc_evt *e);

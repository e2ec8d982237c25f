/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of TLS as text: names of IANA's registry "Transport Layer Security (TLS) Parameters". Static text, or @out. Pure. */
#pragma once

#include <stdint.h>

#define XC_TLS_WORD 24

/** "1.2", "1.3", "ssl3", "1.3-draft28" ... */
const char *xc_tls_version_str(uint16_t version, char out[static XC_TLS_WORD]);

/** "TLS_AES_128_GCM_SHA256" for those in use, else "0x1301". */
const char *xc_tls_cipher_str(uint16_t cipher, char out[static XC_TLS_WORD]);

/** "x25519", "secp256r1", "X25519MLKEM768" ... */
const char *xc_tls_group_str(uint16_t group, char out[static XC_TLS_WORD]);

/** "handshake_failure", "unknown_ca" ... (RFC 8446 6) */
const char *xc_tls_alert_str(uint8_t description, char out[static XC_TLS_WORD]);

# SPDX-License-Identifier: Apache-2.0
"""Write src/l7/kafka_table.inc from the message schemas of Apache Kafka.

tools/gen-kafka.py SCHEMAS > src/l7/kafka_table.inc      (by hand; the unit test of kafka checks that it is current)

SCHEMAS is a copy of clients/src/main/resources/common/message of apache/kafka. Facts of the protocol only: keys, names and versions of
APIs, the order and types of fields. Numbers and names of errors are those of org.apache.kafka.common.protocol.Errors (the table "Error
Codes" of the protocol guide, kafka.apache.org/protocol), which the schemas do not hold.
"""
import json
import pathlib
import re
import sys
import textwrap

# From 0 on. A name behind "!" is the broker's or the cluster's fault; else it is that of who asks, or a normal refusal.
ERRORS = """
NONE OFFSET_OUT_OF_RANGE !CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION INVALID_FETCH_SIZE !LEADER_NOT_AVAILABLE NOT_LEADER_OR_FOLLOWER
!REQUEST_TIMED_OUT !BROKER_NOT_AVAILABLE !REPLICA_NOT_AVAILABLE MESSAGE_TOO_LARGE !STALE_CONTROLLER_EPOCH OFFSET_METADATA_TOO_LARGE
!NETWORK_EXCEPTION !COORDINATOR_LOAD_IN_PROGRESS !COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR INVALID_TOPIC_EXCEPTION RECORD_LIST_TOO_LARGE
!NOT_ENOUGH_REPLICAS !NOT_ENOUGH_REPLICAS_AFTER_APPEND INVALID_REQUIRED_ACKS ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL
INVALID_GROUP_ID UNKNOWN_MEMBER_ID INVALID_SESSION_TIMEOUT REBALANCE_IN_PROGRESS INVALID_COMMIT_OFFSET_SIZE TOPIC_AUTHORIZATION_FAILED
GROUP_AUTHORIZATION_FAILED CLUSTER_AUTHORIZATION_FAILED INVALID_TIMESTAMP UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE
UNSUPPORTED_VERSION TOPIC_ALREADY_EXISTS INVALID_PARTITIONS INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG
NOT_CONTROLLER INVALID_REQUEST UNSUPPORTED_FOR_MESSAGE_FORMAT POLICY_VIOLATION OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER
INVALID_PRODUCER_EPOCH INVALID_TXN_STATE INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT CONCURRENT_TRANSACTIONS
TRANSACTION_COORDINATOR_FENCED TRANSACTIONAL_ID_AUTHORIZATION_FAILED SECURITY_DISABLED OPERATION_NOT_ATTEMPTED !KAFKA_STORAGE_ERROR
!LOG_DIR_NOT_FOUND SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID REASSIGNMENT_IN_PROGRESS DELEGATION_TOKEN_AUTH_DISABLED
DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_AUTHORIZATION_FAILED
DELEGATION_TOKEN_EXPIRED INVALID_PRINCIPAL_TYPE NON_EMPTY_GROUP GROUP_ID_NOT_FOUND FETCH_SESSION_ID_NOT_FOUND
INVALID_FETCH_SESSION_EPOCH !LISTENER_NOT_FOUND TOPIC_DELETION_DISABLED FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH
UNSUPPORTED_COMPRESSION_TYPE !STALE_BROKER_EPOCH !OFFSET_NOT_AVAILABLE MEMBER_ID_REQUIRED !PREFERRED_LEADER_NOT_AVAILABLE
GROUP_MAX_SIZE_REACHED FENCED_INSTANCE_ID !ELIGIBLE_LEADERS_NOT_AVAILABLE ELECTION_NOT_NEEDED NO_REASSIGNMENT_IN_PROGRESS
GROUP_SUBSCRIBED_TO_TOPIC INVALID_RECORD UNSTABLE_OFFSET_COMMIT THROTTLING_QUOTA_EXCEEDED PRODUCER_FENCED RESOURCE_NOT_FOUND
DUPLICATE_RESOURCE UNACCEPTABLE_CREDENTIAL !INCONSISTENT_VOTER_SET INVALID_UPDATE_VERSION !FEATURE_UPDATE_FAILED
!PRINCIPAL_DESERIALIZATION_FAILURE !SNAPSHOT_NOT_FOUND POSITION_OUT_OF_RANGE UNKNOWN_TOPIC_ID DUPLICATE_BROKER_REGISTRATION
BROKER_ID_NOT_REGISTERED !INCONSISTENT_TOPIC_ID !INCONSISTENT_CLUSTER_ID TRANSACTIONAL_ID_NOT_FOUND FETCH_SESSION_TOPIC_ID_ERROR
!INELIGIBLE_REPLICA !NEW_LEADER_ELECTED OFFSET_MOVED_TO_TIERED_STORAGE FENCED_MEMBER_EPOCH UNRELEASED_INSTANCE_ID UNSUPPORTED_ASSIGNOR
STALE_MEMBER_EPOCH MISMATCHED_ENDPOINT_TYPE UNSUPPORTED_ENDPOINT_TYPE UNKNOWN_CONTROLLER_ID UNKNOWN_SUBSCRIPTION_ID TELEMETRY_TOO_LARGE
INVALID_REGISTRATION TRANSACTION_ABORTABLE INVALID_RECORD_STATE SHARE_SESSION_NOT_FOUND INVALID_SHARE_SESSION_EPOCH FENCED_STATE_EPOCH
INVALID_VOTER_KEY DUPLICATE_VOTER VOTER_NOT_FOUND INVALID_REGULAR_EXPRESSION REBOOTSTRAP_REQUIRED
STREAMS_INVALID_TOPOLOGY STREAMS_INVALID_TOPOLOGY_EPOCH STREAMS_TOPOLOGY_FENCED SHARE_SESSION_LIMIT_REACHED
""".split()

NEVER = 255  # "no such version", and the last version of what goes on
SIZES = {"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "float64": 8, "uuid": 16}
WITH_TOPIC_NAMES = (3, 19)  # Metadata, CreateTopics: their answers tell which name an id has
FIND_COORDINATOR = 10

HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/gen-kafka.py from the message schemas of Apache Kafka: do not edit. */
/* clang-format off */
"""


def versions(text):
    """"3+" -> (3, 255), "0-7" -> (0, 7), "2" -> (2, 2), "none" -> (255, 0)."""
    if text == "none":
        return NEVER, 0
    first, _, last = text.rstrip("+").partition("-")
    return int(first), NEVER if text.endswith("+") else int(last or first)


def in_body(field):
    """Versions in which a field stands in its place, and not among the tagged ones."""
    first, last = versions(field["versions"])
    if "taggedVersions" in field:
        last = min(last, versions(field["taggedVersions"])[0] - 1)
    return first, last


def role(field, message):
    """What the parser wants of a field: a name of enum xc_kafka_role."""
    name, kind, entity = field["name"], field["type"].removeprefix("[]"), field.get("entityType")
    if message["type"] == "response" and kind == "int16" and name.endswith("ErrorCode"):
        return "ERROR"
    if message["type"] == "response" and message["apiKey"] not in WITH_TOPIC_NAMES:
        return "NONE"
    if kind == "uuid" and name == "TopicId":
        return "TOPIC_ID"
    if message["apiKey"] == FIND_COORDINATOR and name in ("Key", "CoordinatorKeys"):
        return "TARGET"
    if message["apiKey"] == 0 and name == "Acks":
        return "ACKS"
    return {"topicName": "TOPIC", "groupId": "GROUP", "transactionalId": "TRANSACTION"}.get(entity, "NONE")


class Table:
    """All fields of all messages, one after the other; a structure is the index of its first field."""

    def __init__(self):
        self.rows, self.size, self.known = [], 0, {}

    def add(self, title, fields):
        if (title, tuple(fields)) in self.known:
            return self.known[title, tuple(fields)]
        at = self.known[title, tuple(fields)] = self.size
        self.rows.append((title, at, [f"F({',~'.join(map(str, f))})" for f in fields] + ["END"]))
        self.size += len(fields) + 1
        return at

    def structure(self, title, fields, message):
        rows = []
        for field in fields:
            first, last = in_body(field)
            if first > last:
                continue
            kind, arg = self.kind(title, field, message)
            row = (kind, role(field, message), first, last, arg)
            if rows and row[:2] == ("FIXED", "NONE") and rows[-1][:4] == row[:4]:
                rows[-1] = (*row[:4], rows[-1][4] + arg)  # nobody looks at them: one field
            else:
                rows.append(row)
        return rows

    def kind(self, title, field, message):
        name = field["type"].removeprefix("[]")
        prefix = "ARRAY_OF_" if field["type"].startswith("[]") else ""
        if name in SIZES:
            return prefix + "FIXED", SIZES[name]
        if name in ("string", "bytes", "records"):
            return prefix + ("STRING" if name == "string" else "BYTES"), 0
        inner = field.get("fields") or next(c["fields"] for c in message.get("commonStructs", []) if c["name"] == name)
        at = self.add(f"{title}.{field['name']}", self.structure(f"{title}.{field['name']}", inner, message))
        if prefix or "nullableVersions" not in field:
            return prefix + "STRUCT", at
        assert versions(field["nullableVersions"])[0] <= versions(field["versions"])[0], field
        return "MAYBE_STRUCT", at

    def wanted(self, row):
        """Has the field, or what is in it, a role?"""
        if row[1] != "NONE":
            return True
        inner = next((fields for (_, fields), at in self.known.items() if "STRUCT" in row[0] and at == row[4]), ())
        return any(self.wanted(r) for r in inner)

    def message(self, message):
        rows = self.structure(message["name"], message["fields"], message)
        # a frame has its length: behind the last field of an answer that is looked at nothing needs a description
        while message["type"] == "response" and rows and not self.wanted(rows[-1]):
            rows.pop()
        return self.add(message["name"], rows)


def load(folder):
    """{(api key, "request" or "response"): message}; what the brokers write to disk is no message."""
    messages = {}
    for path in sorted(folder.glob("*.json")):
        message = json.loads(re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M))
        if "apiKey" in message and message["type"] in ("request", "response"):
            messages[message["apiKey"], message["type"]] = message
    return messages


def api_rows(messages, table):
    for key, kind in sorted(messages):
        if kind == "response":
            continue
        request, response = messages[key, "request"], messages[key, "response"]
        first, last = versions(request["validVersions"])
        yield (f'\t[{key}] = {{ "{request["name"].removesuffix("Request")}", {first}, {last}, {versions(request["flexibleVersions"])[0]}, '
               f'{table.message(request)}, {table.message(response)} }},')


def wrapped(fields):
    """Lines of fields, each of them whole ("~" is a space where no line ends)."""
    lines = textwrap.wrap(" ".join(f"{f}," for f in fields), 92, initial_indent="\t", subsequent_indent="\t")
    return [line.replace("~", " ") for line in lines]


def generate(folder):
    table, out = Table(), [HEAD]
    apis = list(api_rows(load(folder), table))
    out.append("static const struct field fields[] = {")
    for title, at, fields in sorted(table.rows, key=lambda row: row[1]):
        out.append(f"\t/* {at}: {title} */")
        out += wrapped(fields)
    out.append("};\n\n/* Name, valid versions, first flexible version (255: none), request, response. */")
    out += ["static const struct xc_kafka_api apis[] = {", *apis, "};\n"]
    out.append('/* From 0 on; "!": the broker or the cluster is to blame. */')
    out += ["static const char *const errors[] = {", *(f'\t"{e}",' for e in ERRORS), "};"]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.stdout.write(generate(pathlib.Path(sys.argv[1])))

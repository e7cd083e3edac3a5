"""etcd's messages, built at run time: no generated code, hence no tie to protobuf's version.

The tables below name the fields of etcd's v3 API that we use, with their published numbers;
fields that are not named are skipped by protobuf when they arrive. Neighbours: `client` sends
and receives them. Imports protobuf, so it is imported only once an etcd store is opened.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "string": _Field.TYPE_STRING,
    # Enums travel as integers; the numbers are the constants below.
    "enum": _Field.TYPE_INT32,
}

PUT, DELETE = 0, 1
"""Event.type."""
EQUAL = 0
"""Compare.result."""
BY_MOD_REVISION = 2
"""Compare.target."""

_MESSAGES: dict[str, str] = {
    "KeyValue": "key:bytes=1 create_revision:int64=2 mod_revision:int64=3 value:bytes=5",
    "Event": "type:enum=1 kv:KeyValue=2 prev_kv:KeyValue=3",
    "ResponseHeader": "revision:int64=3",
    "RangeRequest": (
        "key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4 count_only:bool=9"
    ),
    "RangeResponse": "header:ResponseHeader=1 kvs:KeyValue[]=2 more:bool=3",
    "PutRequest": "key:bytes=1 value:bytes=2 lease:int64=3",
    "PutResponse": "header:ResponseHeader=1",
    "DeleteRangeRequest": "key:bytes=1",
    "DeleteRangeResponse": "header:ResponseHeader=1 deleted:int64=2",
    "RequestOp": (
        "request_range:RangeRequest=1 request_put:PutRequest=2 "
        "request_delete_range:DeleteRangeRequest=3 | request"
    ),
    "ResponseOp": "response_range:RangeResponse=1 | response",
    "Compare": "result:enum=1 target:enum=2 key:bytes=3 mod_revision:int64=6",
    "TxnRequest": "compare:Compare[]=1 success:RequestOp[]=2 failure:RequestOp[]=3",
    "TxnResponse": "header:ResponseHeader=1 succeeded:bool=2 responses:ResponseOp[]=3",
    "CompactionRequest": "revision:int64=1",
    "CompactionResponse": "header:ResponseHeader=1",
    "WatchCreateRequest": (
        "key:bytes=1 range_end:bytes=2 start_revision:int64=3 progress_notify:bool=4 prev_kv:bool=6"
    ),
    "WatchRequest": "create_request:WatchCreateRequest=1 | request_union",
    "WatchResponse": (
        "header:ResponseHeader=1 watch_id:int64=2 created:bool=3 canceled:bool=4 "
        "compact_revision:int64=5 cancel_reason:string=6 events:Event[]=11"
    ),
    "LeaseGrantRequest": "TTL:int64=1",
    "LeaseGrantResponse": "header:ResponseHeader=1 ID:int64=2 TTL:int64=3",
    "AuthenticateRequest": "name:string=1 password:string=2",
    "AuthenticateResponse": "header:ResponseHeader=1 token:string=2",
    "StatusRequest": "",
    "StatusResponse": "header:ResponseHeader=1 version:string=2",
}
"""name:type=number; [] repeats; a last "| name" makes all fields one oneof."""

_PACKAGE = "etcdserverpb"


def _describe(name: str, text: str) -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name=name)
    fields, _, oneof = text.partition(" | ")
    if oneof:
        message.oneof_decl.add(name=oneof)
    for part in fields.split():
        label, _, rest = part.partition(":")
        kind, _, number = rest.partition("=")
        repeated = kind.endswith("[]")
        kind = kind.removesuffix("[]")
        field = message.field.add(
            name=label,
            number=int(number),
            label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        )
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{kind}"
        if oneof:
            field.oneof_index = 0
    return message


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="bireme/etcd.proto", package=_PACKAGE, syntax="proto3"
    )
    file.message_type.extend(_describe(name, text) for name, text in _MESSAGES.items())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


CLASSES: dict[str, Any] = _build()
"""Message classes by name. Dynamic, hence Any: mypy cannot see inside them."""

KeyValue = CLASSES["KeyValue"]
RangeRequest = CLASSES["RangeRequest"]
PutRequest = CLASSES["PutRequest"]
DeleteRangeRequest = CLASSES["DeleteRangeRequest"]
RequestOp = CLASSES["RequestOp"]
Compare = CLASSES["Compare"]
TxnRequest = CLASSES["TxnRequest"]
CompactionRequest = CLASSES["CompactionRequest"]
WatchCreateRequest = CLASSES["WatchCreateRequest"]
WatchRequest = CLASSES["WatchRequest"]
LeaseGrantRequest = CLASSES["LeaseGrantRequest"]
AuthenticateRequest = CLASSES["AuthenticateRequest"]
StatusRequest = CLASSES["StatusRequest"]

METHODS: dict[str, tuple[str, Any, Any]] = {
    name: (f"/{_PACKAGE}.{path}", CLASSES[f"{request}Request"], CLASSES[f"{request}Response"])
    for name, path, request in (
        ("range", "KV/Range", "Range"),
        ("put", "KV/Put", "Put"),
        ("txn", "KV/Txn", "Txn"),
        ("compact", "KV/Compact", "Compaction"),
        ("grant", "Lease/LeaseGrant", "LeaseGrant"),
        ("authenticate", "Auth/Authenticate", "Authenticate"),
        ("status", "Maintenance/Status", "Status"),
        ("watch", "Watch/Watch", "Watch"),
    )
}
"""Our name → (path, request class, response class)."""

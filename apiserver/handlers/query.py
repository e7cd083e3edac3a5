"""Query parameters of writes and reads, checked: dryRun, fieldManager, selectors, limits.

Pure. Neighbours: every verb's handler. What a parameter does is the handler's business.
"""

from dataclasses import dataclass

from apimachinery import duration, fields, labels, status, wire

MAX_MANAGER = 128
"""Kubernetes' bound for a field manager's name."""

VALIDATIONS = ("Ignore", "Warn", "Strict")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write's query says."""

    dry_run: bool
    manager: str
    validation: str
    force: bool


def params(request: wire.Request) -> dict[str, str]:
    """First value of each parameter."""
    out: dict[str, str] = {}
    for key, value in request.query:
        out.setdefault(key, value)
    return out


def write_options(request: wire.Request, kind: str) -> WriteOptions:
    """Read and check; `kind` names the options object in errors (CreateOptions …)."""
    found = params(request) if request.query else {}
    errors = []
    dry_run = found.get("dryRun", "")
    if dry_run not in ("", "All"):
        errors.append(status.not_supported("dryRun", [dry_run], ["All"]))
    validation = found.get("fieldValidation", "") or "Warn"
    if validation not in VALIDATIONS:
        errors.append(
            status.not_supported("fieldValidation", validation, ["", *sorted(VALIDATIONS)])
        )
    manager = found.get("fieldManager", "")
    if len(manager) > MAX_MANAGER:
        errors.append(status.too_long("fieldManager", MAX_MANAGER))
    if not manager.isprintable():
        errors.append(
            status.invalid_value(
                "fieldManager", manager, "should only contain printable characters"
            )
        )
    if errors:
        raise status.invalid(kind, "", errors, "meta.k8s.io")
    return WriteOptions(
        dry_run=bool(dry_run),
        manager=manager,
        validation=validation,
        force=truth(found.get("force")),
    )


def manager_of(options: WriteOptions, request: wire.Request) -> str:
    """The field manager: named, or the program that the User-Agent names."""
    if options.manager:
        return options.manager
    agent = request.headers.get("user-agent", "").partition("/")[0][:MAX_MANAGER]
    return agent if agent and agent.isprintable() else "unknown"


def truth(value: str | None) -> bool:
    """A boolean parameter: present, and neither 0 nor false."""
    return value is not None and value != "0" and value.lower() != "false"


def check_timeout(request: wire.Request) -> None:
    """How long a client will wait must be a duration; 400 otherwise."""
    value = request.param("timeout") if request.query else ""
    if not value:
        return
    try:
        duration.seconds(value)
    except ValueError:
        raise status.bad_request("invalid timeout specified in the request URL") from None


def number(name: str, value: str) -> int:
    """A non-negative integer; empty is 0."""
    if not value:
        return 0
    try:
        found = int(value)
    except ValueError:
        raise status.bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None
    if not -(2**63) <= found < 2**63:
        raise status.bad_request(f"value of parameter {name} is out of range: {value}")
    return max(found, 0)


def revision(value: str) -> int:
    """A resourceVersion as a number; empty is 0."""
    if not value:
        return 0
    if not value.isascii() or not value.isdigit() or int(value) >= 2**63:
        raise status.bad_request(
            f"resourceVersion: Invalid value: {status.quote(value)}: strconv.ParseUint: parsing "
            f"{status.quote(value)}: invalid syntax"
        )
    return int(value)


def label_selector(text: str) -> labels.Selector | None:
    if not text:
        return None
    try:
        found = labels.parse_selector(text)
    except labels.SelectorError as problem:
        raise status.bad_request(str(problem)) from problem
    return None if found.everything else found


def field_selector(text: str) -> fields.FieldSelector | None:
    if not text:
        return None
    try:
        found = fields.parse_field_selector(text)
    except fields.FieldSelectorError as problem:
        raise status.bad_request(str(problem)) from problem
    return None if found.everything else found

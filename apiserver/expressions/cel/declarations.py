"""Which functions there are, and of which types: one line each.

`name receiver.(arguments) result`, in the notation of cel-go's messages; a single capital letter
stands for any type, the same letter for the same. Neighbours: `checker` reads the table.
"""

import re
from dataclasses import dataclass
from functools import cache

from apiserver.expressions.cel import types
from apiserver.expressions.cel.kubernetes import FORMATS
from apiserver.expressions.cel.types import Type

_NUMBERS = ("int", "uint", "double")

_LANGUAGE = """
!_ (bool) bool
-_ (int) int
-_ (double) double
-_ (duration) duration
_&&_ (bool, bool) bool
_||_ (bool, bool) bool
_?_:_ (bool, A, A) A
_==_ (A, A) bool
_!=_ (A, A) bool
@in (A, list(A)) bool
@in (A, map(A, B)) bool
_+_ (string, string) string
_+_ (bytes, bytes) bytes
_+_ (list(A), list(A)) list(A)
_+_ (timestamp, duration) timestamp
_+_ (duration, timestamp) timestamp
_+_ (duration, duration) duration
_-_ (timestamp, timestamp) duration
_-_ (timestamp, duration) timestamp
_-_ (duration, duration) duration
_%_ (int, int) int
_%_ (uint, uint) uint
type (A) type(A)
dyn (A) dyn
bool (bool) bool
bool (string) bool
bytes (bytes) bytes
bytes (string) bytes
double (double) double
double (int) double
double (uint) double
double (string) double
int (int) int
int (uint) int
int (double) int
int (string) int
int (timestamp) int
int (duration) int
uint (uint) uint
uint (int) uint
uint (double) uint
uint (string) uint
string (string) string
string (bool) string
string (int) string
string (uint) string
string (double) string
string (bytes) string
string (timestamp) string
string (duration) string
string (net.IP) string
string (net.CIDR) string
duration (duration) duration
duration (string) duration
duration (int) duration
timestamp (timestamp) timestamp
timestamp (string) timestamp
timestamp (int) timestamp
size (string) int
size (bytes) int
size (list(A)) int
size (map(A, B)) int
size string.() int
size bytes.() int
size list(A).() int
size map(A, B).() int
optional.of (A) optional(A)
optional.none () optional(A)
optional.ofNonZeroValue (A) optional(A)
optional.unwrap (list(optional(A))) list(A)
unwrapOpt list(optional(A)).() list(A)
hasValue optional(A).() bool
value optional(A).() A
orValue optional(A).(A) A
or optional(A).(optional(A)) optional(A)
"""

_LIBRARIES = """
contains string.(string) bool
startsWith string.(string) bool
endsWith string.(string) bool
matches string.(string) bool
matches (string, string) bool
charAt string.(int) string
indexOf string.(string) int
indexOf string.(string, int) int
lastIndexOf string.(string) int
lastIndexOf string.(string, int) int
lowerAscii string.() string
upperAscii string.() string
replace string.(string, string) string
replace string.(string, string, int) string
split string.(string) list(string)
split string.(string, int) list(string)
substring string.(int) string
substring string.(int, int) string
trim string.() string
join list(string).() string
join list(string).(string) string
format string.(list(dyn)) string
strings.quote (string) string
reverse string.() string
reverse list(A).() list(A)
find string.(string) string
findAll string.(string) list(string)
findAll string.(string, int) list(string)
base64.encode (bytes) string
base64.decode (string) bytes
isSorted list(A).() bool
sum list(A).() A
min list(A).() A
max list(A).() A
indexOf list(A).(A) int
lastIndexOf list(A).(A) int
sort list(A).() list(A)
distinct list(A).() list(A)
flatten list(dyn).() list(dyn)
flatten list(dyn).(int) list(dyn)
slice list(A).(int, int) list(A)
first list(A).() optional(A)
last list(A).() optional(A)
lists.range (int) list(int)
sets.contains (list(A), list(A)) bool
sets.equivalent (list(A), list(A)) bool
sets.intersects (list(A), list(A)) bool
math.greatest (A) A
math.greatest (A, A) A
math.greatest (A, A, A) A
math.least (A) A
math.least (A, A) A
math.least (A, A, A) A
math.abs (A) A
math.ceil (double) double
math.floor (double) double
"""

_KUBERNETES = """
quantity (string) kubernetes.Quantity
isQuantity (string) bool
isInteger kubernetes.Quantity.() bool
asInteger kubernetes.Quantity.() int
asApproximateFloat kubernetes.Quantity.() double
sign kubernetes.Quantity.() int
add kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity
add kubernetes.Quantity.(int) kubernetes.Quantity
sub kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity
sub kubernetes.Quantity.(int) kubernetes.Quantity
isGreaterThan kubernetes.Quantity.(kubernetes.Quantity) bool
isLessThan kubernetes.Quantity.(kubernetes.Quantity) bool
compareTo kubernetes.Quantity.(kubernetes.Quantity) int
ip (string) net.IP
isIP (string) bool
ip.isCanonical (string) bool
family net.IP.() int
isUnspecified net.IP.() bool
isLoopback net.IP.() bool
isLinkLocalMulticast net.IP.() bool
isLinkLocalUnicast net.IP.() bool
isGlobalUnicast net.IP.() bool
cidr (string) net.CIDR
isCIDR (string) bool
containsIP net.CIDR.(string) bool
containsIP net.CIDR.(net.IP) bool
containsCIDR net.CIDR.(string) bool
containsCIDR net.CIDR.(net.CIDR) bool
ip net.CIDR.() net.IP
masked net.CIDR.() net.CIDR
prefixLength net.CIDR.() int
url (string) kubernetes.URL
isURL (string) bool
getScheme kubernetes.URL.() string
getHost kubernetes.URL.() string
getHostname kubernetes.URL.() string
getPort kubernetes.URL.() string
getEscapedPath kubernetes.URL.() string
getQuery kubernetes.URL.() map(string, list(string))
semver (string) kubernetes.Semver
semver (string, bool) kubernetes.Semver
isSemver (string) bool
isSemver (string, bool) bool
major kubernetes.Semver.() int
minor kubernetes.Semver.() int
patch kubernetes.Semver.() int
compareTo kubernetes.Semver.(kubernetes.Semver) int
isGreaterThan kubernetes.Semver.(kubernetes.Semver) bool
isLessThan kubernetes.Semver.(kubernetes.Semver) bool
format.named (string) optional(kubernetes.NamedFormat)
validate kubernetes.NamedFormat.(string) optional(list(string))
path kubernetes.authorization.Authorizer.(string) kubernetes.authorization.PathCheck
group kubernetes.authorization.Authorizer.(string) kubernetes.authorization.GroupCheck
serviceAccount kubernetes.authorization.Authorizer.(string, string) kubernetes.authorization.Authorizer
resource kubernetes.authorization.GroupCheck.(string) kubernetes.authorization.ResourceCheck
subresource kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
namespace kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
name kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
fieldSelector kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
labelSelector kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
check kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.Decision
check kubernetes.authorization.PathCheck.(string) kubernetes.authorization.Decision
allowed kubernetes.authorization.Decision.() bool
reason kubernetes.authorization.Decision.() string
errored kubernetes.authorization.Decision.() bool
error kubernetes.authorization.Decision.() string
jsonpatch.escapeKey (string) string
"""

_TIMES = ["getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"]
_CLOCK = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"]
_LINE = re.compile(r"(\S+) (?:(\S.*?)\.)?\((.*)\) (\S.*)")


@dataclass(frozen=True, slots=True)
class Overload:
    """One line of the table."""

    receiver: Type | None
    args: tuple[Type, ...]
    result: Type


@cache
def functions() -> dict[str, tuple[Overload, ...]]:
    """Name → its overloads."""
    found: dict[str, list[Overload]] = {}
    for line in f"{_LANGUAGE}{_LIBRARIES}{_KUBERNETES}".splitlines() + _generated():
        match = _LINE.fullmatch(line)
        if match is not None:
            receiver = types.parse(match[2]) if match[2] else None
            args = types.parse(f"args({match[3]})").params if match[3] else ()
            overload = Overload(receiver, args, types.parse(match[4]))
            found.setdefault(match[1], []).append(overload)
    return {name: tuple(overloads) for name, overloads in found.items()}


def _generated() -> list[str]:
    lines = [f"_{op}_ ({one}, {one}) {one}" for op in "+-*/" for one in _NUMBERS]
    for op in ("<", "<=", ">", ">="):
        lines += [f"_{op}_ ({one}, {other}) bool" for one in _NUMBERS for other in _NUMBERS]
        plain = ("bool", "string", "bytes", "timestamp", "duration")
        lines += [f"_{op}_ ({one}, {one}) bool" for one in plain]
    lines += [
        f"{name} timestamp.({zone}) int" for name in _TIMES + _CLOCK for zone in ("", "string")
    ]
    lines += [f"{name} duration.() int" for name in _CLOCK]
    lines += [f"format.{name} () kubernetes.NamedFormat" for name in FORMATS]
    return lines

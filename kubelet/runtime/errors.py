"""What a runtime driver can fail with; each error knows the reason that a pod's status shows.

    RuntimeDriverError
    ├── NotFoundError             no such sandbox or container
    ├── StateError                exists, but not in a state that allows the call
    ├── SandboxError              FailedCreatePodSandBox
    ├── ContainerConfigError      CreateContainerConfigError: the spec cannot be satisfied as it is
    ├── CreateContainerError      CreateContainerError
    ├── StartContainerError       RunContainerError
    ├── ExecError                 a command could not be started in a running container
    │   └── ExecTimeoutError      it ran longer than allowed and was killed
    └── UnavailableError          the driver itself cannot work (binary missing, no root)

Messages are whole sentences for `kubectl describe`: the thing, the value, the fix. Errors about
images live in `kubelet.images.errors`.
"""


class RuntimeDriverError(Exception):
    """Base of all; `reason` is the word in the container's waiting state or in the event."""

    reason = "RuntimeError"


class NotFoundError(RuntimeDriverError):
    """The sandbox or container does not exist (any more)."""

    reason = "NotFound"


class StateError(RuntimeDriverError):
    """The call does not fit the state, such as an exec in a container that has ended."""

    reason = "InvalidState"


class SandboxError(RuntimeDriverError):
    """The pod's namespaces, network or directories could not be made."""

    reason = "FailedCreatePodSandBox"


class ContainerConfigError(RuntimeDriverError):
    """The configuration asks for what cannot be: an unknown user name, root under runAsNonRoot."""

    reason = "CreateContainerConfigError"


class CreateContainerError(RuntimeDriverError):
    """The container could not be created."""

    reason = "CreateContainerError"


class StartContainerError(RuntimeDriverError):
    """The container was created but its process could not be started."""

    reason = "RunContainerError"


class ExecError(RuntimeDriverError):
    """A command could not be started in the container."""

    reason = "ExecFailed"


class ExecTimeoutError(ExecError):
    """The command ran longer than allowed and was killed."""

    reason = "ExecTimeout"


class UnavailableError(RuntimeDriverError):
    """The driver cannot work on this machine as it is; the message says what is missing."""

    reason = "RuntimeUnavailable"

"""Why a volume could not be set up. One error: nobody handles them apart.

VolumeError     FailedMount: the message names the volume, the thing and what is wrong with it
"""


class VolumeError(Exception):
    """Shown in the event and, for a container's own paths, in its waiting state."""

"""What can go wrong with an image; `reason` is the word in the container's waiting state.

ImageError
├── InvalidReferenceError     InvalidImageName
├── PullError                 ErrImagePull: not there, or the registry failed
    │   └── UnreachableError      the registry could not be reached at all
├── NotPresentError           ErrImageNeverPull
└── InvalidImageError         ErrImagePull: bad digest, bad archive, unsafe path, too large

Messages are whole sentences: the reference, what happened, what to do.
"""


class ImageError(Exception):
    """Base of all; messages are sentences for `kubectl describe`."""

    reason = "ImageInspectError"


class InvalidReferenceError(ImageError):
    """The text is no image reference."""

    reason = "InvalidImageName"


class PullError(ImageError):
    """The image is not in the local store and could not be fetched."""

    reason = "ErrImagePull"


class UnreachableError(PullError):
    """No connection to the registry: asking again at once is of no use."""


class NotPresentError(ImageError):
    """The image is not in the local store, and pulling was not allowed."""

    reason = "ErrImageNeverPull"


class InvalidImageError(ImageError):
    """The content is not what it says, or not safe to unpack."""

    reason = "ErrImagePull"

"""Loads nftables scripts in this process, through libnftables.

One context per process, made in the network namespace that it is for and used from one thread
at a time. A script is one transaction: all of it or nothing. Neighbours: `rules` writes the
scripts, `proxy` runs them. The text syntax is the fastest way in: 0.3 ms for a service.
"""

import ctypes
import ctypes.util


class NftablesError(Exception):
    """The kernel or the parser refused a script; the message is libnftables' own."""


class Nftables:
    """A libnftables context in the caller's network namespace."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("nftables") or "libnftables.so.1"
        try:
            library = ctypes.CDLL(name)
        except OSError as error:
            raise NftablesError(
                f"libnftables can't be loaded ({error}): apt-get install libnftables1"
            ) from error
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        library.nft_ctx_free.argtypes = [ctypes.c_void_p]
        library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        for function in ("nft_ctx_buffer_error", "nft_ctx_buffer_output"):
            getattr(library, function).argtypes = [ctypes.c_void_p]
        for function in ("nft_ctx_get_error_buffer", "nft_ctx_get_output_buffer"):
            getattr(library, function).argtypes = [ctypes.c_void_p]
            getattr(library, function).restype = ctypes.c_char_p
        self._library = library
        self._context: int | None = library.nft_ctx_new(0)
        if not self._context:
            raise NftablesError("libnftables gives no context: is there memory left?")
        library.nft_ctx_buffer_error(self._context)
        library.nft_ctx_buffer_output(self._context)

    def run(self, script: str) -> str:
        """Load one script and return what it lists; raise NftablesError if it is refused."""
        assert self._context, "closed"
        failed = self._library.nft_run_cmd_from_buffer(self._context, script.encode())
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context) or b""
        if failed:
            error: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b"no reason"
            raise NftablesError(error.decode(errors="replace").strip())
        return output.decode(errors="replace")

    def close(self) -> None:
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = None

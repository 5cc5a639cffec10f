"""Make a fresh checkout run itself: environment, locked packages, system libraries.

Standard library only, because it runs before anything is installed. `enter` is the first call of
every command (`python3 -m desktop`, `brokers`, `tests`): it returns inside the project's own
environment, or replaces the process with the same command there, or ends with status 2 and one
sentence that says what is missing.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".venv"
LOCKS: Final = ROOT / "installer" / "locks"
OLDEST: Final = (3, 11)
NEWEST: Final = (3, 14)
MISSING: Final = 2
"""Exit status when something has to be installed by the user first."""

# A shared library Qt loads → the Debian package that holds it (old names resolve on new Debian).
LIBRARIES: Final = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libbrotlidec.so.1": "libbrotli1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
# Good to have, never required: tabular figures and Devanagari. Asked for only where we may install.
FONTS: Final = ("fonts-inter", "fonts-lohit-deva")


def enter(kind: str) -> None:
    """Return inside the project's environment, or never.

    Args:
        kind: `runtime`, or `dev` for what the gates need as well.
    """
    if getattr(sys, "frozen", False):
        return
    _check_python()
    if _is_inside() and _is_ready(kind):
        return
    if not _is_ready(kind):
        with _only_one():
            if not _is_ready(kind):
                _make(kind)
    _continue_inside()


def _check_python() -> None:
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    found = ".".join(map(str, sys.version_info[:2]))
    _stop(
        f"Tezi needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}; this is {found}. "
        "Install a newer one from python.org (or with your package manager) and run this again."
    )


def _is_inside() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _stamp(kind: str) -> Path:
    return VENV / f"tezi-{kind}.stamp"


def _fingerprint(kind: str) -> str:
    lock = (LOCKS / f"{kind}.txt").read_bytes()
    return f"{hashlib.sha256(lock).hexdigest()} {sys.version_info[0]}.{sys.version_info[1]}"


def _is_ready(kind: str) -> bool:
    wider = ("dev",) if kind == "dev" else ("runtime", "dev")
    if not _python().exists():
        return False
    for each in wider:
        with contextlib.suppress(OSError):
            if _stamp(each).read_text(encoding="ascii") == _fingerprint(each):
                return True
    return False


def _make(kind: str) -> None:
    _need_system_parts()
    if not _works():
        _say("Making the environment in .venv …")
        _run([sys.executable, "-m", "venv", "--clear", str(VENV)], "making .venv failed")
    _say("Installing the locked packages (once; a minute on a usual line) …")
    lock = LOCKS / f"{kind}.txt"
    pip = [str(_python()), "-m", "pip", "install", "--quiet", "--no-input"]
    pip += ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    _run(
        [*pip, "-r", str(lock)],
        "the packages could not be installed. This needs the network once; "
        "check the connection (or your proxy) and run the same command again",
    )
    _stamp(kind).write_text(_fingerprint(kind), encoding="ascii")


def _works() -> bool:
    """Tell whether .venv has a Python of this version that starts and has pip."""
    if not _python().exists():
        return False
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    code = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
            [str(_python()), "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return found.stdout.strip() == wanted


def missing_packages() -> list[str]:
    """Name the Debian packages whose parts this system lacks."""
    missing = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append("python3-venv")
    if sys.platform.startswith("linux"):
        missing += [package for soname, package in LIBRARIES.items() if not _loads(soname)]
    return missing


def _loads(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def _need_system_parts() -> None:
    missing = missing_packages()
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None:
        _stop("Tezi needs these system libraries (Debian's names): " + " ".join(missing))
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        _stop(
            "Tezi needs system libraries that are not installed. Run this, then start again:\n"
            f"  sudo apt-get install -y --no-install-recommends {' '.join(missing)}"
        )
    _say("Installing system libraries: " + " ".join(missing))
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [apt, "install", "-y", "-q", "--no-install-recommends"]
    _run([apt, "update", "-q"], "apt-get update failed", quiet)
    _run([*install, *missing], "the system libraries could not be installed", quiet)
    with contextlib.suppress(SystemExit):
        _run([*install, *FONTS], "fonts were not installed; the system's own are used", quiet)


def _continue_inside() -> NoReturn:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        _stop(f"Start it as a module, with {_python()}.")
    module = spec.name.removesuffix(".__main__")
    command = [str(_python()), "-m", module, *sys.argv[1:]]
    sys.stdout.flush()
    if os.name == "nt":
        # execv on Windows returns to the shell at once and leaves the program without a console.
        sys.exit(subprocess.call(command))  # noqa: S603 - our own interpreter and arguments
    os.execv(command[0], command)  # noqa: S606 - replaces this process; no shell wanted


def _run(command: list[str], failure: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(  # noqa: S603 - fixed commands of this module
        command, env=env, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        _stop(f"{tail}\n\nTezi: {failure}.")


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Let one process at a time make the environment; the next finds it ready."""
    with (ROOT / ".venv.lock").open("w") as lock:
        if os.name != "nt":
            import fcntl  # noqa: PLC0415 - exists on POSIX only

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stop(text: str) -> NoReturn:
    _say(text)
    sys.exit(MISSING)

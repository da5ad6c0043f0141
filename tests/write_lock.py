"""Print the pins of everything installed beside this interpreter, for requirements.lock. No host names."""

from importlib.metadata import distributions

# Wheels that exist for Linux alone; torch asks for them there.
LINUX_ONLY = ("cuda-", "nvidia-", "triton")
TOOLS = {"pip", "setuptools"}

pins = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
for name, version in sorted(pins.items()):
    if name not in TOOLS:
        print(f"{name}=={version}" + (' ; sys_platform == "linux"' if name.startswith(LINUX_ONLY) else ""))

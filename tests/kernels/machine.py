"""The virtual machine: an initramfs that mounts the guest's disk, and qemu without KVM."""
import lzma, os, shutil, subprocess, time
from pathlib import Path

from packages import Missing, loader

HERE = Path(__file__).resolve().parent
# What the initramfs needs before it sees the root: the way to a disk and to a folder of the host, and randomness.
FIRST_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "9pnet_virtio", "9p", "virtio-rng")
MEMORY_MEGABYTES = 1536
# The guest's clock counts instructions, four nanoseconds each, while it runs: on a busy machine it is late, but nothing in it is.
CLOCK = "shift=2,sleep=on"
# Everything that emulation can, but for what says that filling and copying octets one by one is fast: it is slow here.
CPU = "max,-erms,-fsrm"
# How many times as long as a scene may take it is waited for where other processes have the processor.
BUSY = 3
COMMAND_LINE = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off random.trust_cpu=on net.ifnames=0 nokaslr tsc=reliable"
# What emulation would pay dearly, half of the time that a start takes, and no scene is about: pages zeroed twice, security modules,
# auditing, checks of what is copied, the ciphers' tests of themselves.
COMMAND_LINE += " init_on_alloc=0 lsm= audit=0 hardened_usercopy=off cryptomgr.notests"


def cpio(entries):
    """An archive in the format newc (Documentation/driver-api/early-userspace/buffer-format.rst): (name, mode, content) each."""
    out = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def modules(folder, names):
    """The files of these modules and of all that they need, in the order in which they are loaded; built-in ones have none."""
    needs, ordered = {}, []
    for line in (folder / "modules.dep").read_text().splitlines():
        file, rest = line.split(":", 1)
        needs[file] = rest.split()
    files = {Path(file).name.split(".")[0].replace("-", "_"): file for file in needs}

    def add(file):
        for needed in reversed(needs[file]):
            add(needed)
        if file not in ordered:
            ordered.append(file)

    for name in names:
        if name.replace("-", "_") in files:
            add(files[name.replace("-", "_")])
    return [folder / file for file in ordered]


def initramfs(root, version):
    """Makes the archive that a kernel of this version starts from."""
    directory, program = 0o040755, 0o100755
    entries = [(name, directory, b"") for name in ("bin", "proc", "dev", "sys", "root", "modules")]
    entries.append(("bin/busybox", program, (root / "usr/bin/busybox").read_bytes()))
    order = []
    for file in modules(root / "usr/lib/modules" / version, FIRST_MODULES):
        content = file.read_bytes()
        name = file.name
        if name.endswith(".xz"):
            name, content = name.removesuffix(".xz"), lzma.decompress(content)
        elif not name.endswith(".ko"):
            raise Missing(f"the module {name} is compressed in a way that this Python cannot read")
        entries.append((f"modules/{name}", 0o100644, content))
        order.append(name)
    entries.append(("modules/order", 0o100644, "".join(f"{name}\n" for name in order).encode()))
    entries.append(("init", program, (HERE / "guest/initramfs").read_bytes()))
    return cpio(entries)


def project(folder, binary, scenes):
    """What the guest sees of the project: the program with the libraries that it has here, the guest's scripts and scenes."""
    libraries = folder / "lib"
    libraries.mkdir(parents=True)
    shutil.copy(binary, folder / "linkhook")
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=60).stdout
    for line in linked.splitlines():
        words = [word for word in line.split() if word.startswith("/")]
        if words and Path(words[-1]).exists():
            shutil.copy(words[-1], libraries)
    for file in (HERE / "guest").iterdir():
        shutil.copy(file, folder)
    shutil.copytree(scenes, folder / "scenes")


def boot(root, disk, version, kernel, shared, out, scenes, seconds):
    """Starts a machine that plays scenes one after the other, and leaves what was told and shown of each in a folder of `out`. Gives
    the name of each when it has ended, and None while nothing has: whoever asks waits between two looks. The machine is killed where
    one takes so many seconds, without those in which others had the processor; Missing, where that was too often so."""
    # Beside what this run alone writes: another one may start at the same time, from another checkout.
    archive = shared.parent / "initramfs"
    archive.write_bytes(initramfs(root, version))
    library = root / "usr/lib/x86_64-linux-gnu"
    share = root / "usr/share"
    mount = "local,mount_tag={},path={},security_model=none,multidevs=remap{}"
    command = [
        *loader(root), root / "usr/bin/qemu-system-x86_64", "-L", share / "qemu", "-L", share / "seabios",
        "-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
        "-machine", "q35,accel=tcg", "-cpu", CPU, "-smp", "1", "-m", str(MEMORY_MEGABYTES), "-icount", CLOCK,
        "-kernel", kernel, "-initrd", archive, "-append", f"{COMMAND_LINE} linkhook.scenes={','.join(scenes)}",
        "-drive", f"file={disk},format=raw,if=none,id=root,readonly=on", "-device", "virtio-blk-pci,drive=root,romfile=",
        "-virtfs", mount.format("project", shared, ",readonly=on"),
        "-virtfs", mount.format("out", out, ""),
        "-device", "virtio-rng-pci",
        "-netdev", "user,id=first,restrict=on", "-device", "virtio-net-pci,netdev=first,mac=52:54:00:00:00:01,romfile=",
        "-device", "pcie-root-port,id=slot1,slot=1", "-netdev", "user,id=second,restrict=on",
        "-device", "igb,bus=slot1,netdev=second,mac=52:54:00:00:00:02,romfile=",
    ]
    environment = {**os.environ, "QEMU_MODULE_DIR": str(library / "qemu")}
    with open(out / "console", "wb") as console:
        machine = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=console,
                                   stderr=subprocess.STDOUT, env=environment)
    try:
        for scene in scenes:
            begin, waited = time.monotonic(), waited_for_processor(machine.pid)
            while not (out / scene / "ended").exists():
                if machine.poll() is not None:
                    return
                took = time.monotonic() - begin
                if took - (waited_for_processor(machine.pid) - waited) > seconds:
                    return
                if took > BUSY * seconds:
                    raise Missing(f"this machine is too busy: after {took:.0f} s the scene is not at its end")
                yield None
            yield scene
    finally:
        machine.kill()
        machine.wait()


def waited_for_processor(process):
    """For how many seconds its busiest thread could have run, but another process did (the second figure of schedstat)."""
    delays = []
    for file in Path(f"/proc/{process}/task").glob("*/schedstat"):
        try:
            delays.append(int(file.read_text().split()[1]) / 1e9)
        except (OSError, IndexError):
            continue
    return max(delays, default=0)

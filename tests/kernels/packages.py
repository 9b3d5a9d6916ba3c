"""Debian's kernels and the programs of the guest: fetched by apt, unpacked into a folder of their own. Nothing is installed.

The mirror is the one that apt uses on this machine; each kernel comes from the suite that has it. Everything is unpacked over
one root, programs and the modules of all kernels side by side, of which a disk is made that the guest mounts read-only."""
import fcntl, json, os, platform, re, shutil, subprocess
from pathlib import Path


class Missing(Exception):
    """What a test takes is not to be had here: the test is ignored, with this as the reason."""


# What each kernel is called on the command line, the suite that it comes from, and what its version begins with (None: whatever
# is the newest there).
KERNELS = {
    "5.10": ("bullseye", "5.10."),
    "6.1": ("bookworm", "6.1."),
    "6.12": ("bookworm-backports", "6.12."),
    "new": ("trixie-backports", None),
}
# The guest's programs and qemu come from one suite, whatever the kernel: a new iproute2 knows what every kernel tells.
PROGRAMS_SUITE = "trixie"
PROGRAMS = """bash busybox-static coreutils e2fsprogs grep hostapd iproute2 iputils-ping iw kmod mount procps qemu-system-x86 sed smcroute
 util-linux wireguard-tools""".split()
# The newest iproute2 that there is: from here if it has one.
NEWEST = ("trixie-backports", ["iproute2"])
# Modules that no scene could use: they are the larger half.
UNUSED = ["kernel/sound", "kernel/drivers/gpu", "kernel/drivers/media", "kernel/drivers/staging", "kernel/drivers/scsi",
          "kernel/drivers/hwmon", "kernel/drivers/iio", "kernel/drivers/input", "kernel/drivers/usb/gadget", "kernel/fs/xfs",
          "kernel/fs/btrfs", "kernel/fs/ocfs2", "kernel/drivers/comedi", "kernel/drivers/bluetooth", "kernel/drivers/md"]
# How long one command of apt may take.
APT_SECONDS = 600


def folder():
    """Where kernels are kept between runs."""
    chosen = os.environ.get("LINKHOOK_KERNELS")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(chosen or os.path.join(cache, "linkhook-kernels")).absolute()


def run(command, **options):
    """A command's stdout; Missing with the beginning of what it said where it fails, is not there, or takes too long."""
    try:
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=APT_SECONDS, **options)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} has taken longer than {APT_SECONDS} s") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:400]
        raise Missing(f"{command[0]} failed: {said}")
    return done.stdout


def mirror():
    """The address of the Debian mirror that apt uses here."""
    listed = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)", "Created-By: Packages"])
    for line in listed.splitlines():
        origin, address, release = line.split("|")
        if origin == "Debian" and "security" not in release:
            return address
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        written = file.read_text() if file.is_file() else ""
        found = re.search(r"^(?:deb .*?|URIs: *)(https?://\S*/debian/?)(?:\s|$)", written, re.MULTILINE)
        if found:
            return found.group(1)
    raise Missing("apt has no list of Debian's packages here: run apt-get update on a Debian, or name a mirror in its sources")


class Apt:
    """apt with a list of sources, a state and a cache of its own, for one set of suites."""

    def __init__(self, root, suites):
        self.root, self.suites = root / "apt" / "+".join(suites), suites
        for part in ("lists/partial", "archives/partial", "etc"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        keys = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        signed = f"[signed-by={keys}] " if keys.exists() else ""
        address = mirror()
        (self.root / "etc/sources.list").write_text("".join(f"deb {signed}{address} {suite} main\n" for suite in suites))
        # Said last, these win over the machine's own configuration, of which a proxy remains.
        settings = {"Dir::State": self.root, "Dir::State::status": self.root / "status", "Dir::State::lists": self.root / "lists",
                    "Dir::Cache": self.root, "Dir::Etc::sourcelist": self.root / "etc/sources.list", "Dir::Etc::sourceparts": "-",
                    "Dir::Etc::preferences": "-", "Dir::Etc::preferencesparts": "-", "APT::Install-Recommends": "false",
                    "APT::Architecture": "amd64", "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
                    "Acquire::Languages": "none", "Acquire::Retries": "3", "Acquire::Check-Valid-Until": "false", "APT::Update::Error-Mode": "any"}
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]

    def update(self):
        run(["apt-get", *self.options, "-qq", "update"])

    def needed(self, packages, suite=None):
        """Name and version of every package that would be installed in an empty system."""
        chosen = ["-t", suite] if suite else []
        planned = run(["apt-get", *self.options, *chosen, "-s", "install", *packages])
        return re.findall(r"^Inst (\S+) \((\S+)", planned, re.MULTILINE)

    def download(self, packages, into):
        """Downloads packages, which apt checks, and gives their files."""
        into.mkdir(parents=True, exist_ok=True)
        names = [f"{name}={version}" for name, version in packages]
        run(["apt-get", *self.options, "-qq", "download", *names], cwd=into)
        return sorted(into.glob("*.deb"))


def unpack(files, root):
    """Unpacks packages into a root whose /bin, /sbin and /lib are those in /usr, as Debian's are."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    left_out = [f"--exclude=*/lib/modules/*/{name}" for name in UNUSED]
    left_out += [f"--exclude=./usr/share/{name}" for name in ("doc", "man", "locale", "info", "lintian")]
    for file in files:
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE)
        try:
            subprocess.run(["tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner", *left_out],
                           stdin=tar.stdout, check=True, timeout=APT_SECONDS)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            raise Missing(f"{file.name} cannot be unpacked: {error}") from None
        finally:
            tar.stdout.close()
            tar.wait(timeout=APT_SECONDS)


def loader(root):
    """The beginning of a command that runs one of the unpacked programs on this machine: with its own C library."""
    libraries = [root / "usr/lib/x86_64-linux-gnu", root / "usr/lib/x86_64-linux-gnu/pulseaudio"]
    return [str(root / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", ":".join(map(str, libraries))]


def ready(base, name, say):
    """The root, the disk that is made of it, a kernel's version and its file; Missing where they cannot be had. One fetches at a time."""
    if platform.machine() != "x86_64":
        raise Missing(f"only an x86-64 machine is known here, not {platform.machine()}")
    for needed in ("apt-get", "dpkg-deb", "tar"):
        if not shutil.which(needed):
            raise Missing(f"{needed} is not installed")
    base.mkdir(parents=True, exist_ok=True)
    with open(base / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = programs(base, say)
        version, file = kernel(base, root, name, say)
        return root, disk(base, root, say), version, file


def programs(base, say):
    """The root with the guest's programs and qemu, which is made where it is not there."""
    root, stamp = base / "root", base / "programs.json"
    if stamp.exists() and json.loads(stamp.read_text()).get("asked") == PROGRAMS:
        return root
    say("fetching qemu and the guest's programs")
    shutil.rmtree(base / "debs/programs", ignore_errors=True)
    apt = Apt(base, [PROGRAMS_SUITE])
    apt.update()
    needed = apt.needed(PROGRAMS)
    unpack(apt.download(needed, base / "debs/programs"), root)
    suite, packages = NEWEST
    try:
        apt = Apt(base, [PROGRAMS_SUITE, suite])
        apt.update()
        newer = [one for one in apt.needed(packages, suite) if one[0] in packages]
        unpack(apt.download(newer, base / "debs/newest"), root)
    except Missing as reason:
        say(f"{PROGRAMS_SUITE}'s {' '.join(packages)} is used: {reason}")
        newer = []
    for name in ("proc", "sys", "dev", "tmp", "run", "var", "out", "project", "root", "mnt"):
        (root / name).mkdir(exist_ok=True)
    if not (root / "var/run").exists():
        (root / "var/run").symlink_to("/run")
    accounts(root / "etc")
    shutil.rmtree(base / "debs", ignore_errors=True)
    stamp.write_text(json.dumps({"asked": PROGRAMS, "packages": dict(needed + newer)}, indent=1))
    return root


def accounts(etc):
    """The few files in /etc without which programs complain."""
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    (etc / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "protocols").write_text("icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP\n")
    (etc / "modprobe.d").mkdir(exist_ok=True)
    # Devices that modules would make by themselves: a scene makes what it needs.
    (etc / "modprobe.d/linkhook.conf").write_text(
        "options dummy numdummies=0\noptions bonding max_bonds=0\noptions ifb numifbs=0\noptions mac80211_hwsim radios=0\n")


def kernel(base, root, name, say):
    """The version of a kernel, as `uname -r` says it, and its file; both are fetched where they are not there."""
    stamp = base / f"kernel-{name}.json"
    if not stamp.exists():
        suite, beginning = KERNELS[name]
        say(f"fetching the kernel {name} of {suite}")
        release = suite.removesuffix("-backports")
        apt = Apt(base, [release, suite] if release != suite else [suite])
        try:
            apt.update()
            needed = [one for one in apt.needed(["linux-image-amd64"], suite)
                      if re.match(r"linux-(image|binary|modules)-\d", one[0])]
            image = next((package for package, _ in needed if package.startswith("linux-image-")), None)
            version = image.removeprefix("linux-image-") if image else "none"
            if not version.startswith(beginning or "") or image is None:
                raise Missing(f"{suite} has Linux {version}, not {name}")
            unpack(apt.download(needed, base / "debs" / name), root)
        except Missing as reason:
            raise Missing(f"the kernel {name} of {suite} cannot be had from apt's mirror: {reason}") from None
        finally:
            shutil.rmtree(base / "debs", ignore_errors=True)
        depmod(root, version)
        stamp.write_text(json.dumps({"version": version, "packages": dict(needed)}))
    version = json.loads(stamp.read_text())["version"]
    for file in (root / "boot" / f"vmlinuz-{version}", root / "usr/lib/modules" / version / "vmlinuz"):
        if file.exists():
            return version, file
    raise Missing(f"the kernel {name} has no vmlinuz: remove {stamp} to fetch it again")


def disk(base, root, say):
    """The root as a disk, in which nothing is there that an old kernel does not know. It is made anew once something was unpacked."""
    file = base / "root.ext4"
    if file.exists() and all(stamp.stat().st_mtime < file.stat().st_mtime for stamp in base.glob("*.json")):
        return file
    say("making the guest's disk")
    megabytes = int(run(["du", "-sm", root]).split()[0])
    new = base / "root.ext4.new"
    new.unlink(missing_ok=True)
    run([*loader(root), root / "usr/sbin/mke2fs", "-q", "-t", "ext4", "-O", "none,extent,filetype,sparse_super,large_file,dir_index",
         "-m", "0", "-d", root, new, f"{megabytes * 5 // 4 + 64}M"])
    # A machine that runs keeps the old one.
    new.replace(file)
    return file


def depmod(root, version):
    """What modules need which others: kmod is told by its name what it shall be."""
    ld, *path = loader(root)
    run([ld, "--argv0", "depmod", *path, root / "usr/bin/kmod", "-b", root, version])

//! Whether the sandbox holds: what is not needed is tried in it, for `linkhook check --sandbox`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketType};

use super::Needs;

/// Something that was tried, and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// What, in words.
    pub what: String,
    /// Whether it is to be refused.
    pub is_unneeded: bool,
    /// What came of it.
    pub result: io::Result<()>,
}

impl Tried {
    /// Whether the sandbox did what it should.
    pub fn is_right(&self) -> bool {
        self.result.is_err() == self.is_unneeded
    }
}

/// Tries it all, in a process that has entered the sandbox and will do nothing else.
pub fn all(needs: &Needs) -> Vec<Tried> {
    let mut tried = Vec::new();
    let mut attempt = |is_unneeded: bool, what: String, result: io::Result<()>| {
        tried.push(Tried { what, is_unneeded, result });
    };
    for directory in ["/root", "/home", "/var", "/tmp", "/proc/1", "/sys/class/net"] {
        let is_inside = |opened: &std::path::PathBuf| Path::new(directory).starts_with(opened);
        if Path::new(directory).exists() && !needs.read.iter().chain(&needs.write).any(is_inside) {
            attempt(true, format!("list {directory}"), fs::read_dir(directory).map(drop));
        }
    }
    attempt(false, "read /etc".into(), fs::read_dir("/etc").map(drop));
    for directory in &needs.read {
        attempt(false, format!("read {}", directory.display()), fs::metadata(directory).map(drop));
    }
    for directory in &needs.write {
        attempt(false, format!("write into {}", directory.display()), write(directory));
    }
    for directory in ["/etc", "/dev/shm", "/var/tmp"] {
        let is_inside = |opened: &std::path::PathBuf| Path::new(directory).starts_with(opened);
        if !needs.write.iter().any(is_inside) {
            attempt(true, format!("write into {directory}"), write(Path::new(directory)));
        }
    }
    attempt(true, "run another program".into(), run("/bin/true"));
    for (name, family, is_unneeded) in [
        ("netlink", AddressFamily::NETLINK, false),
        ("IPv4", AddressFamily::INET, false),
        ("unix", AddressFamily::UNIX, false),
        ("packet", AddressFamily::PACKET, true),
        ("key", AddressFamily::KEY, true),
        ("vsock", AddressFamily::VSOCK, true),
        ("bluetooth", AddressFamily::BLUETOOTH, true),
    ] {
        let kind = if family == AddressFamily::NETLINK || is_unneeded { SocketType::RAW } else { SocketType::DGRAM };
        let opened = rustix::net::socket(family, kind, None);
        attempt(is_unneeded, format!("open a socket: {name}"), opened.map(drop).map_err(Into::into));
    }
    if !needs.enters_namespaces {
        attempt(true, "enter a network namespace".into(), enter_own_namespace());
    }
    attempt(true, "change the root directory".into(), rustix::process::chroot("/").map_err(Into::into));
    let name = rustix::system::uname().nodename().to_bytes().to_vec();
    attempt(true, "name the machine".into(), rustix::system::sethostname(&name).map_err(Into::into));
    if let Some(parent) = rustix::process::getppid() {
        let signalled = rustix::process::test_kill_process(parent);
        attempt(true, "send a signal to another process".into(), signalled.map_err(Into::into));
    }
    tried
}

fn write(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!(".linkhook-{}", std::process::id()));
    fs::File::create_new(&path)?;
    fs::remove_file(path)
}

fn run(program: &str) -> io::Result<()> {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop)
}

fn enter_own_namespace() -> io::Result<()> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    let own = fs::File::open("/proc/thread-self/ns/net")?;
    Ok(move_into_link_name_space(std::os::fd::AsFd::as_fd(&own), Some(LinkNameSpaceType::Network))?)
}

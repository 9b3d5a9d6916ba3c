//! Named points at which a test lets the process die, as kill -9 would. In release builds they are nothing.

/// Dies here, if `LINKHOOK_FAULT` names the point; with `:n` behind the name, at the n-th time.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    static FAULT: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let fault = FAULT.get_or_init(|| {
        let text = std::env::var("LINKHOOK_FAULT").ok()?;
        let (name, time) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), time.parse().ok()?))
    });
    if let Some((wanted, time)) = fault
        && wanted == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *time
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn point(_name: &str) {}

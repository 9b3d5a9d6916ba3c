//! `[http]`.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::read::{Table, Value};
use crate::deliver::Hidden;

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At an address.
    Address(SocketAddr),
    /// At a socket in the file system.
    Path(PathBuf),
}

impl Listen {
    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Listen::Address(address) => address.ip().to_canonical().is_loopback(),
            Listen::Path(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Address(address) => write!(formatter, "{address}"),
            Listen::Path(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// `[http]`: where it listens, and what a client must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where.
    pub listen: Listen,
    /// What a client must say; anybody who can reach it is served where there is none.
    pub token: Option<Hidden>,
}

/// What stands before the path of a socket in the file system.
const UNIX: &str = "unix:";
/// A token of fewer letters is warned of.
const TOKEN_LETTERS_GOOD: usize = 16;

/// Reads it. Where anybody but this machine can reach it, there must be a token.
pub(super) fn http(table: &Table<'_>) -> Option<HttpSettings> {
    let value = table.need("listen", "where to listen, such as \"127.0.0.1:9473\" or \"unix:/run/linkhook/http\"");
    let listen = value.as_ref().and_then(listen);
    let token = table.get("token");
    if let (Some(value), Some(listen), None) = (&value, &listen, &token)
        && !listen.is_local()
    {
        value.refused(
            "others than this machine can reach that address, so that a token is needed: write token = \
             { file = \"/etc/linkhook/token\" }, or listen at 127.0.0.1, [::1] or a \"unix:\" path",
        );
    }
    let token = match &token {
        Some(value) => Some(self::token(value)?),
        None => None,
    };
    Some(HttpSettings { listen: listen?, token })
}

fn listen(value: &Value<'_>) -> Option<Listen> {
    let text = value.text()?;
    if let Some(path) = text.strip_prefix(UNIX) {
        if path.is_empty() {
            value.wrong("a path is needed behind \"unix:\"");
            return None;
        }
        return Some(Listen::Path(value.source.path(value.offset()).parent().unwrap_or(Path::new("")).join(path)));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) => Some(Listen::Address(address)),
        Err(_) => {
            value.wrong(
                "an address and a port are needed, such as \"127.0.0.1:9473\" or \"[::1]:9473\", or a path such as \
                 \"unix:/run/linkhook/http\"",
            );
            None
        }
    }
}

fn token(value: &Value<'_>) -> Option<Hidden> {
    let token = value.secret()?;
    if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
        value.refused("the token cannot be used: one word of visible ASCII characters is needed");
        return None;
    }
    if token.len() < TOKEN_LETTERS_GOOD {
        value.warn(format_args!("the token is weak: it has fewer than {TOKEN_LETTERS_GOOD} characters"));
    }
    value.warn_inline();
    Some(Hidden(token))
}

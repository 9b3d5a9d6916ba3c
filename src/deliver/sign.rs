//! Signatures as Standard Webhooks 1.0 has them: <https://github.com/standard-webhooks/standard-webhooks>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How a secret begins whose key is in base64.
const BASE64_PREFIX: &str = "whsec_";

/// Standard Webhooks wants 24 to 64 bytes; fewer can be guessed sooner.
const KEY_BYTES_MIN: usize = 24;

/// The key of a secret that is written as the standard has it.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.strip_prefix(BASE64_PREFIX)?).ok()
}

/// How a request is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// As Standard Webhooks has it: `webhook-signature`.
    #[default]
    Standard,
    /// As GitHub has it: `X-Hub-Signature-256`.
    Github,
}

/// A webhook's secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads `whsec_` and base64, or any other text, whose bytes are the key as they are.
    ///
    /// The error says what is wrong, and nothing of the secret.
    pub fn new(text: &str) -> Result<Secret, &'static str> {
        let key = decoded(text).unwrap_or_else(|| text.as_bytes().to_vec());
        if key.is_empty() { Err("it is empty") } else { Ok(Secret(key)) }
    }

    /// What is weak about a secret that can be used, and nothing of it.
    pub fn weaknesses(text: &str) -> impl Iterator<Item = &'static str> {
        let decoded = decoded(text);
        let bytes = decoded.as_ref().map_or(text.len(), Vec::len);
        let refused = decoded.is_none().then_some(
            "receivers that check signatures with a library of Standard Webhooks refuse it: they want whsec_ and base64 \
             behind it",
        );
        let short = (bytes < KEY_BYTES_MIN).then_some("it is short: Standard Webhooks wants 24 bytes or more");
        refused.into_iter().chain(short)
    }
}

/// The value of `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`, for each secret,
/// with spaces between. `timestamp` is that of the attempt, in seconds since 1970.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut signatures = String::new();
    for Secret(key) in secrets {
        // A key of any length will do (RFC 2104, 2).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { continue };
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp}.").as_bytes());
        mac.update(body);
        if !signatures.is_empty() {
            signatures.push(' ');
        }
        signatures.push_str("v1,");
        STANDARD.encode_string(mac.finalize().into_bytes(), &mut signatures);
    }
    signatures
}

/// The value of `X-Hub-Signature-256`: `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub's webhooks have
/// it ("Validating webhook deliveries"). There is room for one: the first secret's.
pub fn sign_as_github(secrets: &[Secret], body: &[u8]) -> Option<String> {
    let Secret(key) = secrets.first()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body);
    let digits = mac.finalize().into_bytes().iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    Some(format!("sha256={digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standardwebhooks::Webhook;

    /// The example of the standard's specification and libraries.
    const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_standards_example() {
        let secret = Secret::new(EXAMPLE).unwrap();
        let signature = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn githubs_example() {
        // The values of GitHub's documentation, "Testing the webhook payload validation".
        let secret = Secret::new("It's a Secret to Everybody").unwrap();
        let signature = sign_as_github(&[secret], b"Hello, World!");
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signature.as_deref(), Some(expected));
        assert_eq!(sign_as_github(&[], b""), None);
    }

    #[test]
    fn the_standards_own_library_agrees() {
        // The bytes of a raw secret are the key; the library is told them in base64.
        let raw = Webhook::from_bytes(b"a secret of one's own".to_vec()).unwrap();
        for (secret, library) in [(EXAMPLE, Webhook::new(EXAMPLE).unwrap()), ("a secret of one's own", raw)] {
            let ours = sign(&[Secret::new(secret).unwrap()], "id", 1_795_479_185, b"{\"a\":1}");
            assert_eq!(ours, library.sign("id", 1_795_479_185, b"{\"a\":1}").unwrap());
        }
    }

    #[test]
    fn each_of_several_secrets_signs() {
        let (old, new) = (Secret::new("old").unwrap(), Secret::new("new").unwrap());
        let both = sign(&[old.clone(), new.clone()], "id", 1, b"body");
        let each = [sign(&[old], "id", 1, b"body"), sign(&[new], "id", 1, b"body")].join(" ");
        assert_eq!(both, each);
        assert_ne!(both.split(' ').next(), both.split(' ').next_back());
    }

    #[test]
    fn wrong_secrets_are_told_and_none_is_shown() {
        assert!(Secret::new("").is_err() && Secret::new("whsec_").is_err());
        // Weak is not wrong.
        let weak = |text| Secret::weaknesses(text).map(|weakness| weakness.split(' ').next_back().unwrap()).collect();
        let weak: [Vec<&str>; 4] = [EXAMPLE, "whsec_aGVsbG8=", "whsec_no base64 at all, but long", "short"].map(weak);
        assert_eq!(weak, [vec![], vec!["more"], vec!["it"], vec!["it", "more"]]);
        assert!(Secret::new("whsec_no base64").is_ok());
        assert!(!format!("{:?}", Secret::new("hush hush").unwrap()).contains("hush"));
    }
}

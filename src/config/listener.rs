//! Listeners: where the broker binds, and which address it tells clients to use.

use std::fmt;

/// A host name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// 0 lets the system choose when binding.
    pub port: u16,
}

/// The name of a listener that was given none.
pub const DEFAULT_NAME: &str = "PLAINTEXT";
const DEFAULT_PORT: u16 = 9092;
const ANY_ADDRESS: &str = "0.0.0.0";

/// One address that the broker serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Upper case letters, digits and `_`; unique.
    pub name: String,
    /// Where to bind.
    pub bind: HostPort,
    /// What clients of this listener are told.
    pub advertised: Advertised,
}

/// The address that clients are told to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// A name or address.
    pub host: String,
    /// `None` means the port that was bound.
    pub port: Option<u16>,
    /// Why this address, for the lines printed at start.
    pub reason: AdvertiseReason,
}

/// Why an address is advertised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvertiseReason {
    /// Somebody said so; the text is the flag or variable.
    Told(String),
    /// The listener binds this one address.
    Bound,
    /// Nothing was said and the listener binds every address: only clients on this machine can connect.
    Localhost,
}

impl fmt::Display for AdvertiseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(by) => write!(f, "set by {by}"),
            Self::Bound => f.write_str("the address that is bound"),
            Self::Localhost => f.write_str("default, for clients on this machine; set --advertise for others"),
        }
    }
}

impl Listener {
    /// The address to tell clients, once the port that was bound is known.
    pub fn advertised_address(&self, bound_port: u16) -> HostPort {
        HostPort { host: self.advertised.host.clone(), port: self.advertised.port.unwrap_or(bound_port) }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ListenerError {
    #[error("{0:?} is not an address; write [NAME=]HOST:PORT, for example 0.0.0.0:9092 or INTERNAL=10.0.0.5:9093")]
    Malformed(String),
    #[error("{0:?} is not an address; write HOST:PORT, for example 0.0.0.0:9644")]
    NotHostPort(String),
    #[error("{0:?} is not a listener name; use letters, digits and _")]
    BadName(String),
    #[error("no address is given; write [NAME=]HOST:PORT, for example 0.0.0.0:9092")]
    Empty,
    #[error("two listeners are called {0}; give each its own name, as in INTERNAL=0.0.0.0:9093")]
    DuplicateName(String),
    #[error("{0} is advertised but no listener of that name binds an address; the listeners are {1}")]
    NoSuchListener(String, String),
    #[error(
        "no client can connect to {0}; say what clients call this machine, with --advertise HOST:PORT or NARU_ADVERTISE"
    )]
    AdvertisesEverything(String),
}

/// `[NAME=]HOST[:PORT]` or Kafka's `NAME://HOST:PORT`.
struct Endpoint {
    name: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Parses `listeners` and `advertised.listeners`, both separated by commas; `told_by` names the source of the second.
pub(super) fn parse(
    binds: &str,
    advertised: Option<&str>,
    told_by: impl fmt::Display,
) -> Result<Vec<Listener>, ListenerError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for endpoint in endpoints(binds)? {
        let name = endpoint.name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        if listeners.iter().any(|listener| listener.name == name) {
            return Err(ListenerError::DuplicateName(name));
        }
        let host = if endpoint.host.is_empty() { ANY_ADDRESS.to_owned() } else { endpoint.host };
        let bind = HostPort { host, port: endpoint.port.unwrap_or(DEFAULT_PORT) };
        let advertised = default_advertised(&bind);
        listeners.push(Listener { name, bind, advertised });
    }
    if listeners.is_empty() {
        return Err(ListenerError::Empty);
    }
    for endpoint in endpoints(advertised.unwrap_or_default())? {
        if is_every_address(&endpoint.host) {
            return Err(ListenerError::AdvertisesEverything(endpoint.host));
        }
        if endpoint.host.is_empty() {
            return Err(ListenerError::Malformed(advertised.unwrap_or_default().to_owned()));
        }
        let listener = match (&endpoint.name, &mut listeners[..]) {
            (None, [only]) => only,
            (name, all) => {
                let name = name.as_deref().unwrap_or(DEFAULT_NAME);
                let names = all.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", ");
                all.iter_mut()
                    .find(|listener| listener.name == name)
                    .ok_or_else(|| ListenerError::NoSuchListener(name.to_owned(), names))?
            }
        };
        let reason = AdvertiseReason::Told(told_by.to_string());
        listener.advertised = Advertised { host: endpoint.host, port: endpoint.port, reason };
    }
    Ok(listeners)
}

/// Parses `HOST:PORT` of a listener without a name; without a host every address is meant.
pub(super) fn parse_admin(text: &str) -> Result<HostPort, ListenerError> {
    match endpoint(text.trim())? {
        Endpoint { name: None, host, port: Some(port) } => {
            Ok(HostPort { host: if host.is_empty() { ANY_ADDRESS.to_owned() } else { host }, port })
        }
        _ => Err(ListenerError::NotHostPort(text.to_owned())),
    }
}

fn default_advertised(bind: &HostPort) -> Advertised {
    if is_every_address(&bind.host) {
        Advertised { host: "localhost".to_owned(), port: None, reason: AdvertiseReason::Localhost }
    } else {
        Advertised { host: bind.host.clone(), port: None, reason: AdvertiseReason::Bound }
    }
}

/// Whether a host is one of the unspecified addresses, in any spelling.
fn is_every_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn endpoints(text: &str) -> Result<Vec<Endpoint>, ListenerError> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(endpoint).collect()
}

fn endpoint(text: &str) -> Result<Endpoint, ListenerError> {
    let malformed = || ListenerError::Malformed(text.to_owned());
    let (name, address) = match text.split_once("://").or_else(|| text.split_once('=')) {
        Some((name, address)) => (Some(name.to_ascii_uppercase()), address),
        None => (None, text),
    };
    if let Some(name) = &name
        && (name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    {
        return Err(ListenerError::BadName(name.clone()));
    }
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(malformed)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| malformed())?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(malformed()),
        }
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    if host.contains(['/', ' ', '=']) || (host.is_empty() && port.is_none()) {
        return Err(malformed());
    }
    let port = port.map(|port| port.parse::<u16>().map_err(|_| malformed())).transpose()?;
    Ok(Endpoint { name, host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(binds: &str, advertised: Option<&str>) -> Result<Vec<Listener>, ListenerError> {
        parse(binds, advertised, "--advertise")
    }

    fn addresses(binds: &str, advertised: Option<&str>) -> Vec<String> {
        let show = |listener: &Listener| {
            format!("{} {} as {}", listener.name, listener.bind, listener.advertised_address(listener.bind.port))
        };
        told(binds, advertised).unwrap().iter().map(show).collect()
    }

    #[test]
    fn a_wildcard_is_advertised_as_localhost_and_one_address_as_itself() {
        assert_eq!(addresses("0.0.0.0:9092", None), ["PLAINTEXT 0.0.0.0:9092 as localhost:9092"]);
        assert_eq!(addresses("[::]:9092", None), ["PLAINTEXT [::]:9092 as localhost:9092"]);
        assert_eq!(addresses("PLAINTEXT://:9093", None), ["PLAINTEXT 0.0.0.0:9093 as localhost:9093"]);
        assert_eq!(addresses("10.1.2.3:9092", None), ["PLAINTEXT 10.1.2.3:9092 as 10.1.2.3:9092"]);
        assert_eq!(addresses("[fe80::1]:9092", None), ["PLAINTEXT [fe80::1]:9092 as [fe80::1]:9092"]);
    }

    #[test]
    fn the_port_that_was_bound_is_advertised_unless_another_is_told() {
        let listener = told("127.0.0.1:0", None).unwrap().remove(0);
        assert_eq!(listener.advertised_address(40_001).to_string(), "127.0.0.1:40001");
        let listener = told("0.0.0.0:0", Some("broker.example")).unwrap().remove(0);
        assert_eq!(listener.advertised_address(40_001).to_string(), "broker.example:40001");
        assert_eq!(listener.advertised.reason.to_string(), "set by --advertise");
    }

    #[test]
    fn several_listeners_have_names_and_addresses_of_their_own() {
        let listeners = addresses(
            "INTERNAL=0.0.0.0:9092, external=0.0.0.0:9094",
            Some("EXTERNAL://kafka.example:443,INTERNAL=naru.svc:9092"),
        );
        assert_eq!(listeners, ["INTERNAL 0.0.0.0:9092 as naru.svc:9092", "EXTERNAL 0.0.0.0:9094 as kafka.example:443"]);
        assert!(matches!(told("A=:1,A=:2", None), Err(ListenerError::DuplicateName(_))));
        let error = told("A=:1,B=:2", Some("C=host:1")).unwrap_err();
        assert!(error.to_string().contains("the listeners are A, B"), "{error}");
        assert!(matches!(told("A=:1,B=:2", Some("host:1")), Err(ListenerError::NoSuchListener(..))));
    }

    #[test]
    fn an_unspecified_address_is_never_advertised() {
        for bad in ["0.0.0.0:9092", "[::]:9092", "[0:0:0:0:0:0:0:0]:9092"] {
            let error = told("0.0.0.0:9092", Some(bad)).unwrap_err();
            assert!(error.to_string().contains("--advertise HOST:PORT or NARU_ADVERTISE"), "{error}");
        }
    }

    #[test]
    fn the_admin_listener_has_a_port_and_no_name() {
        assert_eq!(parse_admin(":9644").unwrap().to_string(), "0.0.0.0:9644");
        assert_eq!(parse_admin(" [::1]:0 ").unwrap().to_string(), "[::1]:0");
        for bad in ["localhost", "ADMIN=:9644", "ADMIN://:9644", "", ":x"] {
            assert!(parse_admin(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for bad in ["host:port", "host:99999", "[::1", "[zz]:1", "a b:1", "http=//x:1", "1:2:3", "", ","] {
            assert!(told(bad, None).is_err(), "{bad:?}");
        }
        assert!(matches!(told("A-B=:1", None), Err(ListenerError::BadName(_))));
        assert!(matches!(told(":1", Some(":9")), Err(ListenerError::Malformed(_))));
    }
}

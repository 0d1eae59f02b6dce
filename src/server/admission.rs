//! How many connections are let in, which can be changed while the server runs.

use std::collections::HashMap;
use std::net::IpAddr;

use arc_swap::ArcSwap;

/// Bounds on connections. Those that are open stay open when a bound is lowered.
#[derive(Debug)]
pub struct Admission(ArcSwap<Bounds>);

#[derive(Debug)]
struct Bounds {
    total: usize,
    each_ip: usize,
    by_ip: HashMap<IpAddr, usize>,
}

impl Admission {
    /// At most `total` connections, and `each_ip` from one address.
    pub fn new(total: usize, each_ip: usize) -> Self {
        Self(ArcSwap::from_pointee(Bounds { total, each_ip, by_ip: HashMap::new() }))
    }

    /// Replaces the bounds (`max.connections`, `max.connections.per.ip`, `max.connections.per.ip.overrides`).
    pub fn set(&self, total: usize, each_ip: usize, by_ip: HashMap<IpAddr, usize>) {
        self.0.store(Bounds { total, each_ip, by_ip }.into());
    }

    /// Connections of everybody, and from this address.
    pub(super) fn bounds(&self, ip: IpAddr) -> (usize, usize) {
        let bounds = self.0.load();
        (bounds.total, bounds.by_ip.get(&ip.to_canonical()).copied().unwrap_or(bounds.each_ip))
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(i32::MAX as usize, i32::MAX as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_have_a_bound_of_its_own() {
        let [a, b] = [1, 2].map(|n| IpAddr::from([127, 0, 0, n]));
        let admission = Admission::new(5, 3);
        assert_eq!(admission.bounds(a), (5, 3));
        admission.set(6, 2, HashMap::from([(a, 4)]));
        assert_eq!((admission.bounds(a), admission.bounds(b)), ((6, 4), (6, 2)));
    }
}

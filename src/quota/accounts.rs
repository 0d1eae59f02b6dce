//! Who has used how much: an account for each who has a quota of his own.

use std::collections::HashMap;

/// Accounts that are kept. Client ids are made up by clients: whoever comes when there are so many shares one account with
/// all others who did, so that nobody gets more by coming under ever new names.
const MOST: usize = 10_000;

/// Accounts are looked through for idle ones when there are this many, and again when they have doubled.
const TIDY_FROM: usize = 256;

/// Accounts by user and client id.
pub struct Accounts<A> {
    accounts: HashMap<(Option<String>, Option<String>), A>,
    shared: A,
    tidy_at: usize,
}

impl<A: Default> Default for Accounts<A> {
    fn default() -> Self {
        Self { accounts: HashMap::new(), shared: A::default(), tidy_at: TIDY_FROM }
    }
}

impl<A: Default> Accounts<A> {
    /// The account; a new one if there is none yet. `is_idle` tells which ones may be forgotten.
    pub fn of(&mut self, user: Option<&str>, client_id: Option<&str>, is_idle: impl Fn(&A) -> bool) -> &mut A {
        let key = (user.map(str::to_owned), client_id.map(str::to_owned));
        if self.accounts.len() >= self.tidy_at && !self.accounts.contains_key(&key) {
            self.accounts.retain(|_, account| !is_idle(account));
            self.tidy_at = (self.accounts.len() * 2).clamp(TIDY_FROM, MOST);
            if self.accounts.len() >= MOST {
                return &mut self.shared;
            }
        }
        self.accounts.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_so_many_accounts_and_the_rest_share_one() {
        let mut accounts = Accounts::<u32>::default();
        for number in 0..MOST + 5 {
            *accounts.of(None, Some(&number.to_string()), |_| false) += 1;
        }
        assert_eq!((accounts.accounts.len(), accounts.shared), (MOST, 5));
        assert_eq!(*accounts.of(None, Some("7"), |_| false), 1);
        // Idle ones make room.
        *accounts.of(None, Some("new"), |count| *count == 1) += 1;
        assert_eq!((accounts.accounts.len(), accounts.shared), (1, 5));
    }
}

use super::*;
use crate::metadata::{MetadataImage, QuotaAlteration, QuotaOp, alter_client_quotas};

const SETTINGS: QuotaSettings = QuotaSettings {
    window_num: 11,
    window_size_seconds: 1,
    controller_window_num: 11,
    controller_window_size_seconds: 1,
};

const CLIENT: Client<'static> = Client { user: "ANONYMOUS", id: "c" };

fn quotas(rows: &[(&str, Option<&str>, QuotaKey, f64)]) -> ClientQuotas {
    let mut image = MetadataImage::new(1);
    for (kind, name, key, bound) in rows {
        let entity = vec![((*kind).to_owned(), name.map(str::to_owned))];
        let ops = vec![QuotaOp { key: key.name().to_owned(), value: Some(*bound) }];
        let decision = alter_client_quotas(&image, &[QuotaAlteration { entity, ops }], false);
        decision.records.iter().for_each(|record| image.apply(record).unwrap());
    }
    ClientQuotas::clone(image.client_quotas())
}

#[test]
fn who_has_no_quota_never_pauses() {
    let usage = Usage::new(&SETTINGS);
    let none = ClientQuotas::default();
    assert_eq!(usage.produce(&none, CLIENT, usize::MAX, 0), Duration::ZERO);
    assert_eq!(usage.fetch(&none, CLIENT, usize::MAX, 0), Duration::ZERO);
    assert_eq!(usage.fetch_limit(&none, CLIENT), None);
    assert_eq!(usage.mutate(&none, CLIENT, u32::MAX, 0), Ok(()));
    let other = quotas(&[("client-id", Some("other"), QuotaKey::ProducerByteRate, 1.0)]);
    assert_eq!(usage.produce(&other, CLIENT, 1 << 30, 0), Duration::ZERO);
}

#[test]
fn clients_share_a_users_quota_and_have_client_quotas_for_themselves() {
    let other = Client { id: "d", ..CLIENT };
    let of_user = quotas(&[("user", None, QuotaKey::ProducerByteRate, 100.0)]);
    let usage = Usage::new(&SETTINGS);
    assert_eq!(usage.produce(&of_user, CLIENT, 1000, 0), Duration::ZERO);
    assert_eq!(usage.produce(&of_user, other, 100, 0), Duration::from_secs(1));

    let of_client = quotas(&[("client-id", None, QuotaKey::ProducerByteRate, 100.0)]);
    let usage = Usage::new(&SETTINGS);
    assert_eq!(usage.produce(&of_client, CLIENT, 1000, 0), Duration::ZERO);
    assert_eq!(usage.produce(&of_client, other, 1000, 0), Duration::ZERO);
    assert_eq!(usage.produce(&of_client, other, 50, 0), Duration::from_millis(500));
}

#[test]
fn a_fetch_that_is_not_answered_is_not_counted() {
    let quotas = quotas(&[("user", None, QuotaKey::ConsumerByteRate, 100.0)]);
    let usage = Usage::new(&SETTINGS);
    assert_eq!(usage.fetch_limit(&quotas, CLIENT), Some(1000));
    assert_eq!(usage.fetch(&quotas, CLIENT, 1000, 0), Duration::ZERO);
    assert_eq!(usage.fetch(&quotas, CLIENT, 500, 0), Duration::from_secs(5));
    assert_eq!(usage.fetch(&quotas, CLIENT, 1, 0), Duration::from_millis(10));
}

#[test]
fn a_share_of_the_time_makes_pauses_of_a_sample_at_most() {
    let quotas = quotas(&[("user", None, QuotaKey::RequestPercentage, 1.0)]);
    let usage = Usage::new(&SETTINGS);
    // One percent of ten seconds.
    assert_eq!(usage.work(&quotas, CLIENT, Duration::from_millis(100), 0), Duration::ZERO);
    assert_eq!(usage.work(&quotas, CLIENT, Duration::from_millis(5), 0), Duration::from_millis(500));
    assert_eq!(usage.work(&quotas, CLIENT, Duration::from_secs(5), 0), Duration::from_secs(1));
}

#[test]
fn a_mutation_may_overdraw_and_the_next_one_is_refused() {
    let quotas = quotas(&[("user", None, QuotaKey::ControllerMutationRate, 1.0)]);
    let usage = Usage::new(&SETTINGS);
    assert_eq!(usage.mutate(&quotas, CLIENT, 20, 0), Ok(()));
    assert_eq!(usage.mutation_debt(&quotas, CLIENT, 0), Duration::from_secs(9));
    assert_eq!(usage.mutate(&quotas, CLIENT, 1, 1000), Err(Duration::from_secs(8)));
    assert_eq!(usage.mutate(&quotas, CLIENT, 1, 9000), Ok(()));
}

#[test]
fn an_address_that_connects_too_often_is_held_up() {
    let quotas = quotas(&[("ip", None, QuotaKey::ConnectionCreationRate, 1.0)]);
    let usage = Usage::new(&SETTINGS);
    let [home, other] = [1, 2].map(|last| IpAddr::from([127, 0, 0, last]));
    for _ in 0..10 {
        assert_eq!(usage.connect(&quotas, home, 0), Duration::ZERO);
    }
    assert_eq!(usage.connect(&quotas, home, 0), Duration::from_secs(1));
    assert_eq!(usage.connect(&quotas, other, 0), Duration::ZERO);
    assert_eq!(usage.connect(&quotas, home, 12_000), Duration::ZERO);
}

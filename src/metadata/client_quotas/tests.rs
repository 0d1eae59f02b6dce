use naru_protocol::ErrorCode;

use super::*;
use crate::metadata::MetadataImage;

fn entity(parts: &[(&str, Option<&str>)]) -> EntityParts {
    parts.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect()
}

fn alter(image: &mut MetadataImage, parts: &[(&str, Option<&str>)], key: &str, value: Option<f64>) -> ErrorCode {
    let ops = vec![QuotaOp { key: key.to_owned(), value }];
    let decision = alter_client_quotas(image, &[QuotaAlteration { entity: entity(parts), ops }], false);
    decision.records.iter().for_each(|record| image.apply(record).unwrap());
    decision.answers.into_iter().next().unwrap().1.map_or_else(|error| error.code, |()| ErrorCode::NONE)
}

#[test]
fn the_nearest_quota_counts_and_says_who_shares_it() {
    type Row = (&'static [(&'static str, Option<&'static str>)], bool, bool);
    const KEY: QuotaKey = QuotaKey::ProducerByteRate;
    let mut image = MetadataImage::new(1);
    let bound_of = |image: &MetadataImage, user: &str, client: &str| {
        image.client_quotas().of_client(KEY, user, client).map(|quota| (quota.bound, quota.by_user, quota.by_client))
    };
    assert_eq!(bound_of(&image, "u", "c"), None);
    // From the most general to the nearest, each overrides the one before.
    let rows: [Row; 8] = [
        (&[("client-id", None)], false, true),
        (&[("client-id", Some("c"))], false, true),
        (&[("user", None)], true, false),
        (&[("user", None), ("client-id", None)], true, true),
        (&[("user", None), ("client-id", Some("c"))], true, true),
        (&[("user", Some("u"))], true, false),
        (&[("user", Some("u")), ("client-id", None)], true, true),
        (&[("user", Some("u")), ("client-id", Some("c"))], true, true),
    ];
    for (bound, (parts, by_user, by_client)) in (1..).map(f64::from).zip(rows) {
        assert_eq!(alter(&mut image, parts, KEY.name(), Some(bound)), ErrorCode::NONE);
        assert_eq!(bound_of(&image, "u", "c"), Some((bound, by_user, by_client)), "{parts:?}");
    }
    assert_eq!(bound_of(&image, "other", "c"), Some((5.0, true, true)));
    assert_eq!(bound_of(&image, "other", "other"), Some((4.0, true, true)));
    assert_eq!(bound_of(&image, "u", ""), Some((6.0, true, false)));
    assert_eq!(bound_of(&image, "u", "other"), Some((7.0, true, true)));
    assert_eq!(image.client_quotas().of_client(QuotaKey::ConsumerByteRate, "u", "c"), None);
}

#[test]
fn an_address_has_its_own_quota_or_the_default_one() {
    const RATE: &str = "connection_creation_rate";
    let mut image = MetadataImage::new(1);
    assert_eq!(alter(&mut image, &[("ip", Some("::ffff:10.0.0.1"))], RATE, Some(5.0)), ErrorCode::NONE);
    assert_eq!(image.client_quotas().of_ip("10.0.0.1"), Some(5.0));
    assert_eq!(image.client_quotas().of_ip("10.0.0.2"), None);
    assert_eq!(alter(&mut image, &[("ip", None)], RATE, Some(6.0)), ErrorCode::NONE);
    assert_eq!(image.client_quotas().of_ip("10.0.0.2"), Some(6.0));
}

#[test]
fn what_is_removed_leaves_nothing_behind() {
    let mut image = MetadataImage::new(1);
    let parts = [("user", Some("u"))];
    assert_eq!(alter(&mut image, &parts, "request_percentage", Some(0.5)), ErrorCode::NONE);
    assert!(!image.client_quotas().is_empty());
    assert_eq!(alter(&mut image, &parts, "request_percentage", None), ErrorCode::NONE);
    assert_eq!(image, MetadataImage::new(1));
}

#[test]
fn a_bound_must_be_a_number_that_can_be_met() {
    let mut image = MetadataImage::new(1);
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for key in ["producer_byte_rate", "request_percentage", "controller_mutation_rate"] {
            assert_eq!(alter(&mut image, &[("user", None)], key, Some(value)), ErrorCode::INVALID_REQUEST, "{value}");
        }
    }
    assert!(image.client_quotas().is_empty());
}

#[test]
fn a_setting_that_changes_nothing_writes_nothing() {
    let mut image = MetadataImage::new(1);
    alter(&mut image, &[("user", None)], "producer_byte_rate", Some(5.0));
    let ops = vec![QuotaOp { key: "producer_byte_rate".to_owned(), value: Some(5.0) }];
    let again = QuotaAlteration { entity: entity(&[("user", None)]), ops };
    assert!(alter_client_quotas(&image, &[again], false).records.is_empty());
}

#[test]
fn no_more_than_so_many_entities_have_quotas_and_removing_one_makes_room() {
    const KEY: &str = "producer_byte_rate";
    let of_client = |number: usize, value: Option<f64>| QuotaAlteration {
        entity: vec![("client-id".to_owned(), Some(format!("client-{number}")))],
        ops: vec![QuotaOp { key: KEY.to_owned(), value }],
    };
    let mut image = MetadataImage::new(1);
    let mut alter = |alterations: &[QuotaAlteration]| -> Vec<ErrorCode> {
        let decision = alter_client_quotas(&image, alterations, false);
        decision.records.iter().for_each(|record| image.apply(record).unwrap());
        decision.answers.into_iter().map(|(_, answer)| answer.map_or_else(|e| e.code, |()| ErrorCode::NONE)).collect()
    };
    // In one request and one after the other.
    let many: Vec<_> = (0..9_999).map(|number| of_client(number, Some(1.0))).collect();
    assert_eq!(alter(&many), vec![ErrorCode::NONE; 9_999]);
    let two = [of_client(9_999, Some(1.0)), of_client(10_000, Some(1.0))];
    assert_eq!(alter(&two), [ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
    assert_eq!(alter(&two), [ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
    assert_eq!(alter(&[of_client(5, Some(2.0))]), [ErrorCode::NONE], "a known one may change");
    assert_eq!(alter(&[of_client(10_000, None)]), [ErrorCode::NONE], "there is nothing to remove");
    assert_eq!(alter(&[of_client(5, None)]), [ErrorCode::NONE]);
    assert_eq!(alter(&[of_client(10_000, Some(1.0))]), [ErrorCode::NONE]);
}

#[test]
fn a_name_is_no_longer_than_what_can_be_kept() {
    let mut image = MetadataImage::new(1);
    let mut set = |length| {
        let name = "x".repeat(length);
        alter(&mut image, &[("user", Some("u")), ("client-id", Some(&name))], "producer_byte_rate", Some(1.0))
    };
    assert_eq!([set(1024), set(1025)], [ErrorCode::NONE, ErrorCode::INVALID_REQUEST]);
}

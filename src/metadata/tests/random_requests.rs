use proptest::prelude::*;

use super::*;

/// A request with few names and values, so that requests meet.
#[derive(Debug, Clone)]
enum Request {
    Create(Vec<(u8, i32, bool)>),
    Delete(Vec<(u8, bool)>),
    Grow(Vec<(u8, i32)>),
    Alter(Vec<(u8, Option<u8>)>),
    Incremental(Vec<(u8, i8, u8)>),
    ProducerIds,
}

fn request() -> impl Strategy<Value = Request> {
    use prop::collection::vec;
    prop_oneof![
        3 => vec((0..6_u8, -2..5_i32, any::<bool>()), 1..4).prop_map(Request::Create),
        1 => vec((0..6_u8, any::<bool>()), 1..3).prop_map(Request::Delete),
        2 => vec((0..6_u8, 0..9_i32), 1..3).prop_map(Request::Grow),
        2 => vec((0..8_u8, prop::option::of(0..4_u8)), 1..3).prop_map(Request::Alter),
        2 => vec((0..8_u8, 0..5_i8, 0..4_u8), 1..3).prop_map(Request::Incremental),
        1 => Just(Request::ProducerIds),
    ]
}

fn topic(number: u8) -> String {
    ["a", "b.c", "b_c", "d", "", "e/"].get(usize::from(number)).copied().unwrap_or("z").to_owned()
}

/// Resources: the topics, then this broker and every broker.
fn resource(number: u8) -> (i8, String) {
    match number {
        6 => (4, "1".to_owned()),
        7 => (4, String::new()),
        number => (2, topic(number)),
    }
}

fn setting(kind: i8, number: u8) -> (String, Option<String>) {
    let (name, value) = match (kind, number) {
        (2, 0) => ("retention.ms", "5"),
        (2, 1) => ("cleanup.policy", "compact"),
        (2, 2) => ("segment.bytes", "1"),
        (4, 0) => ("log.retention.ms", "6"),
        (4, 1) => ("log.cleanup.policy", "compact"),
        (4, 2) => ("num.partitions", "4"),
        _ => ("no.such.setting", "1"),
    };
    (name.to_owned(), Some(value.to_owned()))
}

fn records_of(image: &MetadataImage, rules: Rules<'_>, request: &Request, ids: &mut u128) -> Vec<Record> {
    match request {
        Request::Create(topics) => {
            let spec = |(name, partitions, configured): &(u8, i32, bool)| TopicSpec {
                partitions: *partitions,
                configs: if *configured { vec![setting(2, name % 4)] } else { Vec::new() },
                ..TopicSpec::with_defaults(topic(*name))
            };
            let specs: Vec<_> = topics.iter().map(spec).collect();
            create_topics(image, rules, &specs, false, || {
                *ids += 1;
                Uuid::from_u128(*ids)
            })
            .records
        }
        Request::Delete(topics) => {
            let by_id = |name: &str| image.topic(name).map_or(Uuid::from_u128(99), |topic| topic.id);
            let wanted: Vec<_> = topics
                .iter()
                .map(|(name, named)| match named {
                    true => super::named(&topic(*name)),
                    false => TopicToDelete { name: None, id: by_id(&topic(*name)) },
                })
                .collect();
            delete_topics(image, rules, &wanted).records
        }
        Request::Grow(topics) => {
            let wanted: Vec<_> = topics
                .iter()
                .map(|(name, count)| NewPartitions { name: topic(*name), count: *count, assignments: None })
                .collect();
            create_partitions(image, rules, &wanted, false).records
        }
        Request::Alter(resources) => {
            let wanted: Vec<_> = resources
                .iter()
                .map(|(number, value)| {
                    let (kind, name) = resource(*number);
                    AlterConfigs { kind, name, configs: value.iter().map(|value| setting(kind, *value)).collect() }
                })
                .collect();
            alter_configs(image, rules, &wanted, false).records
        }
        Request::Incremental(resources) => {
            let wanted: Vec<_> = resources
                .iter()
                .map(|(number, operation, value)| {
                    let (kind, name) = resource(*number);
                    let (setting, value) = setting(kind, *value);
                    let change = ConfigChange { name: setting, operation: *operation, value };
                    IncrementalAlterConfigs { kind, name, changes: vec![change] }
                })
                .collect();
            incremental_alter_configs(image, rules, &wanted, false).records
        }
        Request::ProducerIds => allocate_producer_ids(image, rules).records,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever is asked, the records can be applied, and applying all of them again leads to the same image.
    #[test]
    fn replaying_the_records_of_any_requests_gives_an_equal_image(requests in prop::collection::vec(request(), 0..40)) {
        let broker = BrokerConfig::default();
        let mut image = MetadataImage::new(1);
        let mut log = Vec::new();
        let mut ids = 1_000;
        for request in &requests {
            let records = records_of(&image, rules(&broker), request, &mut ids);
            let before = image.clone();
            apply(&mut image, &records);
            prop_assert_eq!(records.is_empty(), before == image);
            log.extend(records);
        }
        let mut replayed = MetadataImage::new(1);
        apply(&mut replayed, &log);
        prop_assert_eq!(&replayed, &image);
        prop_assert_eq!(image.partition_count(), image.topics().map(|topic| i64::from(topic.partitions)).sum::<i64>());
        for topic in image.topics() {
            prop_assert_eq!(image.topic_by_id(&topic.id), Some(topic));
        }
    }
}

//! Where partitions begin and end, and what offset expressions mean in them.

use std::collections::BTreeMap;

use naru_client::admin::OffsetSpec;
use naru_client::{Admin, TopicPartition};

use super::Failure;
use super::offset::Offset;
use super::output::count;

/// Offsets by partition.
pub(super) type Offsets = BTreeMap<TopicPartition, i64>;

/// Both ends of some partitions, at the time when it was asked.
pub(super) struct Bounds {
    starts: Offsets,
    ends: Offsets,
}

impl Bounds {
    pub(super) async fn of(admin: &Admin, partitions: &[TopicPartition]) -> Result<Self, Failure> {
        let starts = look_up(admin, partitions, OffsetSpec::Earliest).await?;
        let ends = look_up(admin, partitions, OffsetSpec::Latest).await?;
        Ok(Self { starts, ends })
    }

    /// The offset nearest to this one that lies inside.
    pub(super) fn clamp(&self, partition: &TopicPartition, offset: i64) -> i64 {
        Offset::At(offset).resolve(self.start(partition), self.end(partition), offset)
    }

    pub(super) fn start(&self, partition: &TopicPartition) -> i64 {
        self.starts.get(partition).copied().unwrap_or_default()
    }

    fn end(&self, partition: &TopicPartition) -> i64 {
        self.ends.get(partition).copied().unwrap_or_default()
    }

    /// The offset that a place is, in every partition. A time behind the last record is the end.
    pub(super) async fn place(&self, admin: &Admin, place: Offset) -> Result<Offsets, Failure> {
        let partitions: Vec<TopicPartition> = self.ends.keys().cloned().collect();
        let times = match place {
            Offset::Time(ms) => look_up(admin, &partitions, OffsetSpec::At(ms)).await?,
            _ => Offsets::new(),
        };
        let resolved = partitions.into_iter().map(|partition| {
            let (start, end) = (self.start(&partition), self.end(&partition));
            let by_time = times.get(&partition).copied().unwrap_or(end);
            (partition, place.resolve(start, end, by_time))
        });
        Ok(resolved.collect())
    }
}

/// Partitions without such an offset are left out.
async fn look_up(admin: &Admin, partitions: &[TopicPartition], spec: OffsetSpec) -> Result<Offsets, Failure> {
    let asked = partitions.iter().map(|partition| (partition.clone(), spec));
    let mut offsets = Offsets::new();
    for (partition, listed) in admin.list_offsets(asked).await? {
        let listed = listed.map_err(|error| Failure::from(error).doing(&partition))?;
        offsets.extend(listed.offset.map(|offset| (partition, offset)));
    }
    Ok(offsets)
}

/// The partitions of topics, all of them or those with the `wanted` numbers. Topics and numbers that do not exist are the
/// failure.
pub(super) async fn partitions<'a>(
    admin: &Admin,
    topics: impl IntoIterator<Item = &'a str>,
    wanted: &[i32],
) -> Result<Vec<TopicPartition>, Failure> {
    let mut partitions = Vec::new();
    let mut failures = Vec::new();
    for (topic, described) in admin.describe_topics(topics).await? {
        let described = match described {
            Ok(described) => described,
            Err(error) => {
                failures.push(super::topic::missing(admin, &topic, error).await);
                continue;
            }
        };
        let all = described.partitions.iter().map(|partition| partition.partition);
        for missing in wanted.iter().filter(|wanted| !all.clone().any(|number| number == **wanted)) {
            let count = count(described.partitions.len() as u64, "partition");
            failures.push(Failure::NotFound(format!("topic {topic:?} has {count}, numbered from 0, and no {missing}")));
        }
        let chosen = all.filter(|number| wanted.is_empty() || wanted.contains(number));
        partitions.extend(chosen.map(|number| TopicPartition::new(topic.clone(), number)));
    }
    Failure::all(failures)?;
    Ok(partitions)
}

//! Which partitions are read, from where to where.

use std::collections::HashMap;

use naru_client::{Admin, Client, Consumer, OffsetReset, SeekTo, TopicPartition};
use regex_lite::Regex;

use super::ConsumeArgs;
use crate::cli::Failure;
use crate::cli::bounds::{self, Bounds};
use crate::cli::offset::Offset;

/// What is read, and up to where.
pub(super) struct Plan {
    source: Source,
    /// Where to stop, if that is known from the beginning: partitions with nothing to read are not in it.
    pub(super) until: Option<HashMap<TopicPartition, i64>>,
}

enum Source {
    /// Partitions of one's own choice, each with the place to begin.
    Partitions(Vec<(TopicPartition, SeekTo)>),
    /// What the group gives out of these topics.
    Group(Subscription, OffsetReset),
}

enum Subscription {
    Topics(Vec<String>),
    Pattern(String),
}

impl Plan {
    pub(super) async fn make(args: &ConsumeArgs, admin: &Admin, topics: &[&str]) -> Result<Self, Failure> {
        let patterns = topics.iter().filter(|topic| is_pattern(topic)).map(|topic| compile(topic));
        let patterns: Vec<Regex> = patterns.collect::<Result<_, _>>()?;
        let named: Vec<&str> = topics.iter().copied().filter(|topic| !is_pattern(topic)).collect();
        if args.group.is_some() {
            // Tells those that do not exist.
            bounds::partitions(admin, named, &[]).await?;
            return Self::as_member(args, topics);
        }
        let mut found: Vec<String> = named.into_iter().map(str::to_owned).collect();
        if !patterns.is_empty() {
            let all = admin.list_topics().await?;
            let names = all.iter().filter(|topic| !topic.internal).map(|topic| topic.name.to_string());
            let matching = names.filter(|name| patterns.iter().any(|pattern| pattern.is_match(name)));
            found.extend(matching);
            found.sort();
            found.dedup();
            if found.is_empty() {
                return Err(Failure::NotFound(format!("no topic matches {}", topics.join(", ")))
                    .hint("`naru topic list` shows which there are."));
            }
        }
        let partitions = bounds::partitions(admin, found.iter().map(String::as_str), &args.partitions).await?;
        Self::by_choice(args, admin, partitions).await
    }

    /// The group says where to go on.
    fn as_member(args: &ConsumeArgs, topics: &[&str]) -> Result<Self, Failure> {
        let range = args.offset.unwrap_or_default();
        let reset = match (range.from, range.until) {
            (None | Some(Offset::Start), None) => OffsetReset::Earliest,
            (Some(Offset::End), None) => OffsetReset::Latest,
            _ => {
                let text = "with -g, -o can only be start or end: where to begin when the group has committed nothing";
                return Err(Failure::Usage(text.into()).hint("`naru group reset` sends a group to any other place."));
            }
        };
        let subscription = if topics.iter().any(|topic| is_pattern(topic)) {
            let parts: Vec<String> = topics
                .iter()
                .map(|topic| if is_pattern(topic) { format!("(?:{topic})") } else { regex_lite::escape(topic) })
                .collect();
            Subscription::Pattern(parts.join("|"))
        } else {
            Subscription::Topics(topics.iter().map(|topic| (*topic).to_owned()).collect())
        };
        Ok(Self { source: Source::Group(subscription, reset), until: None })
    }

    async fn by_choice(args: &ConsumeArgs, admin: &Admin, partitions: Vec<TopicPartition>) -> Result<Self, Failure> {
        let range = args.offset.unwrap_or_default();
        let until = range.until.or(args.exit.then_some(Offset::End));
        let from = range.from.unwrap_or(Offset::Start);
        // The ends of a log need no look at it, unless it is to be read from one to the other.
        let simple = match from {
            Offset::Start => Some(SeekTo::Beginning),
            Offset::End => Some(SeekTo::End),
            _ => None,
        };
        if let (Some(place), None) = (simple, until) {
            let partitions = partitions.into_iter().map(|partition| (partition, place)).collect();
            return Ok(Self { source: Source::Partitions(partitions), until: None });
        }
        let bounds = Bounds::of(admin, &partitions).await?;
        let starts = bounds.place(admin, from).await?;
        let Some(until) = until else {
            let partitions = starts.into_iter().map(|(partition, offset)| (partition, SeekTo::Offset(offset)));
            return Ok(Self { source: Source::Partitions(partitions.collect()), until: None });
        };
        let ends = bounds.place(admin, until).await?;
        let (mut partitions, mut until) = (Vec::new(), HashMap::new());
        for ((partition, start), end) in starts.into_iter().zip(ends.into_values()) {
            if start < end {
                partitions.push((partition.clone(), SeekTo::Offset(start)));
                until.insert(partition, end);
            }
        }
        Ok(Self { source: Source::Partitions(partitions), until: Some(until) })
    }

    /// A consumer that reads it; none where there is nothing to read.
    pub(super) async fn start(self, args: &ConsumeArgs, client: &Client) -> Result<Option<Consumer>, Failure> {
        let builder = client.consumer();
        match self.source {
            Source::Partitions(places) if places.is_empty() => Ok(None),
            Source::Partitions(places) => {
                let partitions = places.iter().map(|(partition, _)| partition.clone());
                let consumer = builder.assign(partitions).build().await?;
                for (partition, place) in &places {
                    consumer.seek(partition, *place)?;
                }
                Ok(Some(consumer))
            }
            Source::Group(subscription, reset) => {
                let group = args.group.as_deref().unwrap_or_default();
                let builder = builder.group(group).offset_reset(reset);
                let builder = match subscription {
                    Subscription::Topics(topics) => builder.topics(topics),
                    Subscription::Pattern(pattern) => builder.topic_pattern(pattern),
                };
                Ok(Some(builder.build().await?))
            }
        }
    }
}

/// As in Kafka's other tools: no topic's name begins with a `^`.
fn is_pattern(topic: &str) -> bool {
    topic.starts_with('^')
}

/// The whole name has to match.
fn compile(pattern: &str) -> Result<Regex, Failure> {
    let compiled = Regex::new(&format!("^(?:{pattern})$"));
    compiled.map_err(|error| Failure::Usage(format!("{pattern:?} is no regular expression: {error}")))
}

//! `naru group describe`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use clap::Args;
use naru_client::admin::{GroupDescription, MemberDescription, OffsetSpec};
use naru_client::{Admin, TopicPartition};
use serde::Serialize;

use super::missing;
use crate::cli::Failure;
use crate::cli::connect::BrokerArgs;
use crate::cli::output::{self, Format, OutputArgs, Row, count};

#[derive(Debug, Args)]
pub(in crate::cli) struct DescribeArgs {
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    /// The members with their partitions, in place of the offsets
    #[arg(short, long)]
    members: bool,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Group {
    id: String,
    state: String,
    #[serde(rename = "type")]
    group_type: String,
    protocol_type: String,
    assignor: String,
    coordinator: i32,
    /// Of all partitions; none where nothing is known.
    lag: Option<i64>,
    members: Vec<Member>,
    offsets: Vec<Committed>,
}

#[derive(Serialize)]
struct Member {
    #[serde(skip)]
    group: String,
    id: String,
    instance_id: Option<String>,
    client_id: String,
    host: String,
    subscription: Vec<String>,
    assignment: Vec<Assigned>,
}

#[derive(Serialize)]
struct Assigned {
    topic: String,
    partition: i32,
}

#[derive(Serialize)]
struct Committed {
    #[serde(skip)]
    group: String,
    topic: String,
    partition: i32,
    committed: Option<i64>,
    end: Option<i64>,
    lag: Option<i64>,
    member: Option<String>,
}

impl Row for Committed {
    const COLUMNS: &'static [&'static str] = &["GROUP", "TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG", "MEMBER"];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        vec![
            self.group.clone(),
            self.topic.clone(),
            self.partition.to_string(),
            number(self.committed),
            number(self.end),
            number(self.lag),
            self.member.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl Row for Member {
    const COLUMNS: &'static [&'static str] = &["GROUP", "MEMBER", "CLIENT", "HOST", ">PARTITIONS", "ASSIGNMENT"];

    fn cells(&self) -> Vec<String> {
        let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for Assigned { topic, partition } in &self.assignment {
            topics.entry(topic).or_default().push(partition.to_string());
        }
        let assignment: Vec<String> =
            topics.into_iter().map(|(topic, partitions)| format!("{topic}:{}", partitions.join(","))).collect();
        let assignment = if assignment.is_empty() { "-".to_owned() } else { assignment.join(" ") };
        let partitions = self.assignment.len().to_string();
        vec![self.group.clone(), self.id.clone(), self.client_id.clone(), self.host.clone(), partitions, assignment]
    }
}

pub(super) async fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let admin = args.broker.admin(false).await?;
    let (mut groups, mut failures) = (Vec::new(), Vec::new());
    for (id, described) in admin.describe_groups(args.groups.iter().map(String::as_str)).await? {
        match described {
            Ok(described) => groups.push(group(&admin, described).await?),
            Err(error) => failures.push(missing(&admin, &id, error).await),
        }
    }
    output::document(args.output.format(), &groups, |out, format| write_text(out, format, &groups, args.members))?;
    Failure::all(failures)
}

/// A group with its offsets: those it has committed, and those of partitions that its members have.
async fn group(admin: &Admin, described: GroupDescription) -> Result<Group, Failure> {
    let id = described.id.to_string();
    let committed = admin.committed_offsets(described.id.clone()).await?;
    let owners = owners(&described.members);
    let partitions: BTreeSet<&TopicPartition> = committed.keys().chain(owners.keys()).collect();
    let asked = partitions.iter().map(|partition| ((*partition).clone(), OffsetSpec::Latest));
    let ends: BTreeMap<TopicPartition, Option<i64>> = admin
        .list_offsets(asked)
        .await?
        .into_iter()
        .map(|(partition, listed)| (partition, listed.ok().and_then(|listed| listed.offset)))
        .collect();
    let row = |partition: &TopicPartition| {
        let committed = committed.get(partition).map(|committed| committed.offset);
        let end = ends.get(partition).copied().flatten();
        Committed {
            group: id.clone(),
            topic: partition.topic.to_string(),
            partition: partition.partition,
            committed,
            end,
            lag: committed.zip(end).map(|(committed, end)| (end - committed).max(0)),
            member: owners.get(partition).cloned(),
        }
    };
    let offsets: Vec<Committed> = partitions.into_iter().map(row).collect();
    Ok(Group {
        state: described.state.to_string(),
        group_type: described.group_type.to_string(),
        protocol_type: described.protocol_type.to_string(),
        assignor: described.assignor.to_string(),
        coordinator: described.coordinator,
        lag: offsets.iter().filter_map(|row| row.lag).reduce(|a, b| a + b),
        members: described.members.into_iter().map(|known| member(&id, known)).collect(),
        offsets,
        id,
    })
}

/// Which member has which partition.
fn owners(members: &[MemberDescription]) -> BTreeMap<TopicPartition, String> {
    let of = |member: &MemberDescription| {
        let id = member.id.to_string();
        member.assignment.iter().map(move |partition| (partition.clone(), id.clone())).collect::<Vec<_>>()
    };
    members.iter().flat_map(of).collect()
}

fn member(group: &str, known: MemberDescription) -> Member {
    let assigned =
        |partition: TopicPartition| Assigned { topic: partition.topic.to_string(), partition: partition.partition };
    Member {
        group: group.to_owned(),
        id: known.id.to_string(),
        instance_id: known.instance_id.map(|id| id.to_string()),
        client_id: known.client_id.to_string(),
        host: known.host.to_string(),
        subscription: known.subscription.iter().map(ToString::to_string).collect(),
        assignment: known.assignment.into_iter().map(assigned).collect(),
    }
}

fn write_text(out: &mut dyn Write, format: Format, groups: &[Group], members: bool) -> io::Result<()> {
    for (index, group) in groups.iter().enumerate() {
        if format == Format::Table {
            if index > 0 {
                writeln!(out)?;
            }
            writeln!(out, "{}", heading(group))?;
        }
        if members {
            output::write_rows(out, format, &group.members)?;
        } else {
            output::write_rows(out, format, &group.offsets)?;
        }
    }
    Ok(())
}

fn heading(group: &Group) -> String {
    let members = count(group.members.len() as u64, "member");
    let assignor = if group.assignor.is_empty() { String::new() } else { format!(", assignor {}", group.assignor) };
    let lag = group.lag.map_or_else(String::new, |lag| format!(", lag {lag}"));
    format!("Group {}: {}, {members}{assignor}, coordinator {}{lag}", group.id, group.state, group.coordinator)
}

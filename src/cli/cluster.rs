//! `naru cluster`: the brokers and who is in charge.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use naru_client::admin::{BrokerDescription, ClusterDescription};
use serde::Serialize;

use super::Failure;
use super::connect::{BrokerArgs, block_on};
use super::output::{self, Format, OutputArgs, Row};

#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// Show the cluster's id and its brokers
    Info(InfoArgs),
}

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Cluster {
    id: Option<String>,
    controller: Option<i32>,
    brokers: Vec<Broker>,
}

#[derive(Serialize)]
struct Broker {
    id: i32,
    host: String,
    port: i32,
    rack: Option<String>,
    controller: bool,
    fenced: bool,
}

impl Row for Broker {
    const COLUMNS: &'static [&'static str] = &[">ID", "HOST", ">PORT", "RACK", "ROLE"];

    fn cells(&self) -> Vec<String> {
        let role = match (self.controller, self.fenced) {
            (true, _) => "controller",
            (false, true) => "fenced",
            (false, false) => "broker",
        };
        let rack = self.rack.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.id.to_string(), self.host.clone(), self.port.to_string(), rack, role.to_owned()]
    }
}

impl ClusterCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Info(args) => block_on(info(args)),
        }
    }
}

async fn info(args: &InfoArgs) -> Result<(), Failure> {
    let described = args.broker.admin(false).await?.describe_cluster().await?;
    let cluster = Cluster::from(described);
    output::document(args.output.format(), &cluster, |out, format| write_text(out, format, &cluster))
}

fn write_text(out: &mut dyn Write, format: Format, cluster: &Cluster) -> io::Result<()> {
    if format == Format::Table {
        writeln!(out, "Cluster {}", cluster.id.as_deref().unwrap_or("without an id"))?;
    }
    output::write_rows(out, format, &cluster.brokers)
}

impl From<ClusterDescription> for Cluster {
    fn from(described: ClusterDescription) -> Self {
        let ClusterDescription { id, controller, brokers, .. } = described;
        let broker = |broker: BrokerDescription| Broker {
            id: broker.id,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.map(|rack| rack.to_string()),
            controller: Some(broker.id) == controller,
            fenced: broker.fenced,
        };
        Self { id: id.map(|id| id.to_string()), controller, brokers: brokers.into_iter().map(broker).collect() }
    }
}

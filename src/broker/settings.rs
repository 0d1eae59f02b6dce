//! Settings of every resource: those that the metadata keeps, and the levels of the broker's loggers, which last until it
//! stops.

use std::borrow::Cow;
use std::collections::HashMap;

use naru_protocol::ErrorCode;

use super::Broker;
use crate::config::{ConfigEntry, ConfigSource};
use crate::log_levels::{LOGGERS, LogLevel, ROOT};
use crate::metadata::{
    AlterConfigs, ConfigOperation, IncrementalAlterConfigs, RequestError, check_broker_name, check_changes,
    describe_configs,
};

/// The number of the resource type of loggers; the resource's name is the broker's number.
pub(crate) const BROKER_LOGGER: i8 = 8;

/// One answer for each resource of a request.
pub(crate) type Outcomes = Vec<Result<(), RequestError>>;

impl Broker {
    /// The settings of one resource of a `DescribeConfigs` request.
    pub(crate) fn describe_configs(&self, kind: i8, name: &str) -> Result<Vec<ConfigEntry>, RequestError> {
        if kind == BROKER_LOGGER {
            check_broker_name(name, self.node_id())?;
            return Ok(self.log_levels.all().into_iter().map(logger).collect());
        }
        describe_configs(&self.metadata.image(), self.config(), kind, name)
    }

    /// Replaces the settings of resources. Levels of loggers can be changed one by one only.
    pub(crate) async fn alter_configs(
        &self,
        resources: Vec<AlterConfigs>,
        validate_only: bool,
    ) -> Result<Outcomes, RequestError> {
        self.metadata.alter_configs(resources, validate_only).await
    }

    /// Changes settings of resources one by one.
    pub(crate) async fn incremental_alter_configs(
        &self,
        resources: Vec<IncrementalAlterConfigs>,
        validate_only: bool,
    ) -> Result<Outcomes, RequestError> {
        let is_logger = |resource: &IncrementalAlterConfigs| resource.kind == BROKER_LOGGER;
        let mut times: HashMap<String, usize> = HashMap::new();
        for resource in resources.iter().filter(|resource| is_logger(resource)) {
            *times.entry(resource.name.clone()).or_default() += 1;
        }
        let loggers: Vec<_> = (resources.iter())
            .map(|resource| {
                is_logger(resource).then(|| {
                    if times.get(&resource.name).is_some_and(|times| *times > 1) {
                        return Err(RequestError::invalid_request("Each resource must appear at most once."));
                    }
                    self.change_loggers(resource, validate_only)
                })
            })
            .collect();
        let others = resources.into_iter().filter(|resource| !is_logger(resource)).collect();
        let mut others = self.metadata.incremental_alter_configs(others, validate_only).await?.into_iter();
        let missing = || Err(ErrorCode::UNKNOWN_SERVER_ERROR.into());
        Ok(loggers.into_iter().map(|outcome| outcome.or_else(|| others.next()).unwrap_or_else(missing)).collect())
    }

    fn change_loggers(&self, resource: &IncrementalAlterConfigs, validate_only: bool) -> Result<(), RequestError> {
        check_broker_name(&resource.name, self.node_id())?;
        check_changes(&resource.changes)?;
        let mut changes = Vec::new();
        for change in &resource.changes {
            let invalid = |message: String| RequestError::new(ErrorCode::INVALID_CONFIG, message);
            let known = LOGGERS.iter().find(|logger| **logger == change.name);
            let logger = *known.ok_or_else(|| invalid(format!("There is no logger {}", change.name)))?;
            let level = match ConfigOperation::try_from(change.operation) {
                Ok(ConfigOperation::Set) => {
                    let level = change.value.as_deref().and_then(LogLevel::named);
                    Some(level.ok_or_else(|| {
                        invalid(format!("The level of {logger} is one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"))
                    })?)
                }
                Ok(ConfigOperation::Delete) if logger == ROOT => {
                    return Err(RequestError::invalid_request("The root logger needs a level"));
                }
                Ok(ConfigOperation::Delete) => None,
                _ => return Err(RequestError::invalid_request("A level can be set and deleted")),
            };
            changes.push((logger, level));
        }
        if !validate_only {
            self.log_levels.change(&changes);
        }
        Ok(())
    }
}

fn logger((name, level): (&'static str, LogLevel)) -> ConfigEntry {
    ConfigEntry {
        name: Cow::Borrowed(name),
        kind: None,
        doc: Some(""),
        value: Some(level.to_string()),
        source: ConfigSource::BrokerLogger,
        read_only: false,
        sensitive: false,
        synonyms: Vec::new(),
    }
}

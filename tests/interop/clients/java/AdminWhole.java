import static driver.Scenarios.*;

import static java.util.stream.Collectors.toMap;

import java.util.*;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.quota.*;

/**
 * Every operation of the admin client that means something on one node without transactions and authorisation.
 * Each step is judged by itself, so that one that fails does not hide the next.
 */
class AdminWhole {
    interface Step {
        void run() throws Exception;
    }

    static final int PARTITIONS = 5;

    final String name = prefix;
    final ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
    final List<String> failed = new ArrayList<>();
    int steps;

    static String run() throws Exception {
        AdminWhole whole = new AdminWhole();
        whole.prepare();
        whole.topics();
        whole.configs();
        whole.records();
        whole.groups();
        whole.quotas();
        whole.cluster();
        whole.replicas();
        whole.security();
        Release.steps(whole);
        whole.clear();
        check(whole.failed.isEmpty(), () -> whole.failed.size() + " of " + whole.steps + " steps failed: " + String.join("; ", whole.failed));
        return whole.steps + " steps";
    }

    void step(String what, Step step) {
        steps++;
        try {
            step.run();
        } catch (AssertionError wrong) {
            failed.add(what + ": " + wrong.getMessage());
        } catch (Exception failure) {
            failed.add(what + ": " + failure.getClass().getSimpleName() + ", " + failure.getMessage());
        }
    }

    <E extends Exception> void refused(Class<E> expected, Future<?> future) throws Exception {
        Object answer;
        try {
            answer = Driver.get(future);
        } catch (Exception failure) {
            check(expected.isInstance(failure), () -> "refused with " + failure + ", not " + expected.getSimpleName());
            return;
        }
        throw new AssertionError("not refused with " + expected.getSimpleName() + ", answered " + answer);
    }

    TopicPartition partition(int partition) {
        return new TopicPartition(name, partition);
    }

    ConfigEntry config(ConfigResource resource, String key) throws Exception {
        ConfigEntry entry = Driver.get(admin.describeConfigs(List.of(resource)).all()).get(resource).get(key);
        check(entry != null, () -> resource + " has no " + key);
        return entry;
    }

    void waitForConfig(ConfigResource resource, String key, String value) throws Exception {
        waitFor(() -> value.equals(config(resource, key).value()), () -> key + " = " + value);
    }

    Future<Void> alter(ConfigResource resource, String key, String value, AlterConfigOp.OpType operation) {
        return admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(key, value), operation)))).all();
    }

    /** A topic, 100 records in each of its partitions, a group with one member that has read some. */
    void prepare() throws Exception {
        Driver.createTopic(name, PARTITIONS);
        try (KafkaProducer<byte[], byte[]> producer = Driver.producer("linger.ms", "5")) {
            Driver.produce(producer, Driver.numbers(0, 100 * PARTITIONS), PARTITIONS);
        }
    }

    void topics() {
        step("createTopics, validateOnly", () -> {
            CreateTopicsResult result = admin.createTopics(List.of(new NewTopic(name + "-no", Optional.of(3), Optional.empty())), new CreateTopicsOptions().validateOnly(true));
            Driver.get(result.all());
            check(Driver.get(result.numPartitions(name + "-no")) == 3 && Driver.get(result.replicationFactor(name + "-no")) == 1, () -> "partitions and replicas of the answer");
            check(!Driver.get(admin.listTopics().names()).contains(name + "-no"), () -> "it was created");
        });
        step("createTopics, one of three fails", () -> {
            var values = admin.createTopics(List.of(new NewTopic(name + "-a", Map.of(0, List.of(broker()), 1, List.of(broker()))), new NewTopic(name, 1, (short) 1), new NewTopic(name + "-b", 1, (short) 2))).values();
            Driver.get(values.get(name + "-a"));
            refused(TopicExistsException.class, values.get(name));
            refused(InvalidReplicationFactorException.class, values.get(name + "-b"));
        });
        step("listTopics with internal ones", () -> {
            var all = Driver.get(admin.listTopics(new ListTopicsOptions().listInternal(true)).listings());
            check(all.stream().anyMatch(t -> t.name().equals(name) && !t.isInternal() && !t.topicId().equals(Uuid.ZERO_UUID)), () -> "topics " + all);
        });
        step("describeTopics in pages", () -> {
            TopicDescription described = Driver.get(admin.describeTopics(List.of(name, name + "-a"), new DescribeTopicsOptions().partitionSizeLimitPerResponse(2)).allTopicNames()).get(name);
            check(described.partitions().size() == PARTITIONS, () -> "described " + described);
            check(described.partitions().stream().allMatch(p -> p.leader().id() == p.replicas().get(0).id() && p.isr().equals(p.replicas())), () -> "leaders and replicas " + described);
        });
        step("describeTopics by id", () -> {
            Uuid id = Driver.get(admin.describeTopics(List.of(name)).allTopicNames()).get(name).topicId();
            check(Driver.get(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds()).get(id).name().equals(name), () -> "the topic of the id");
            refused(UnknownTopicIdException.class, admin.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds());
        });
        step("describeTopics of an unknown topic", () -> refused(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of(name + "-unknown")).allTopicNames()));
        step("describeTopics with authorized operations", () -> {
            TopicDescription described = Driver.get(admin.describeTopics(List.of(name), new DescribeTopicsOptions().includeAuthorizedOperations(true)).allTopicNames()).get(name);
            check(described.authorizedOperations().size() == 8, () -> "operations " + described.authorizedOperations());
        });
        step("createPartitions", () -> {
            Driver.get(admin.createPartitions(Map.of(name + "-a", NewPartitions.increaseTo(3, List.of(List.of(broker()))))).all());
            waitFor(() -> Driver.get(admin.describeTopics(List.of(name + "-a")).allTopicNames()).get(name + "-a").partitions().size() == 3, () -> "three partitions");
            refused(InvalidPartitionsException.class, admin.createPartitions(Map.of(name + "-a", NewPartitions.increaseTo(2))).all());
        });
        step("deleteTopics by name and id", () -> {
            Uuid id = Driver.get(admin.describeTopics(List.of(name + "-a")).allTopicNames()).get(name + "-a").topicId();
            Driver.get(admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
            waitFor(() -> !Driver.get(admin.listTopics().names()).contains(name + "-a"), () -> "the topic is gone");
            refused(UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of(name + "-a")).all());
        });
    }

    /** Gives the broker the value that it has anyhow. Another driver may delete it in between, so it is set until it is seen. */
    void setForAWhile(ConfigResource brokers, ConfigEntry.ConfigSource source) throws Exception {
        waitFor(() -> {
            Driver.get(alter(brokers, "message.max.bytes", "1048588", AlterConfigOp.OpType.SET));
            ConfigEntry entry = Driver.get(admin.describeConfigs(List.of(brokers)).all()).get(brokers).get("message.max.bytes");
            return entry != null && entry.source() == source;
        }, () -> "message.max.bytes has the source " + source);
        Driver.get(alter(brokers, "message.max.bytes", null, AlterConfigOp.OpType.DELETE));
    }

    void configs() {
        step("describeConfigs with synonyms and documentation", () -> {
            ConfigEntry entry = Driver.get(admin.describeConfigs(List.of(topic), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all()).get(topic).get("max.message.bytes");
            check(entry.type() == ConfigEntry.ConfigType.INT && entry.documentation() != null && !entry.isReadOnly() && !entry.isSensitive(), () -> "entry " + entry);
            check(entry.synonyms().stream().anyMatch(s -> s.name().equals("message.max.bytes") && s.source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG), () -> "synonyms " + entry.synonyms());
        });
        step("incrementalAlterConfigs of a topic: set, append, subtract, delete", () -> {
            Driver.get(alter(topic, "retention.ms", "123456", AlterConfigOp.OpType.SET));
            Driver.get(alter(topic, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND));
            waitForConfig(topic, "cleanup.policy", "delete,compact");
            Driver.get(alter(topic, "cleanup.policy", "compact", AlterConfigOp.OpType.SUBTRACT));
            waitForConfig(topic, "cleanup.policy", "delete");
            Driver.get(alter(topic, "cleanup.policy", null, AlterConfigOp.OpType.DELETE));
            waitFor(() -> config(topic, "cleanup.policy").isDefault(), () -> "cleanup.policy is default");
            check(config(topic, "retention.ms").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, () -> "source of retention.ms");
        });
        step("incrementalAlterConfigs: refusals", () -> {
            refused(InvalidConfigurationException.class, alter(topic, "no.such.setting", "1", AlterConfigOp.OpType.SET));
            refused(InvalidConfigurationException.class, alter(topic, "retention.ms", "soon", AlterConfigOp.OpType.SET));
            refused(InvalidConfigurationException.class, alter(topic, "retention.ms", "1", AlterConfigOp.OpType.APPEND));
            refused(UnknownTopicOrPartitionException.class, alter(new ConfigResource(ConfigResource.Type.TOPIC, name + "-unknown"), "retention.ms", "1", AlterConfigOp.OpType.SET));
        });
        step("incrementalAlterConfigs, validateOnly", () -> {
            Driver.get(admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("segment.bytes", "2097152"), AlterConfigOp.OpType.SET))), new AlterConfigsOptions().validateOnly(true)).all());
            check(config(topic, "segment.bytes").isDefault(), () -> "segment.bytes was altered");
        });
        step("configs of the broker", () -> {
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, String.valueOf(broker()));
            ConfigEntry id = config(broker, "node.id");
            check(id.value().equals(broker.name()) && id.isReadOnly(), () -> "node.id " + id);
            setForAWhile(broker, ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG);
            refused(InvalidRequestException.class, alter(broker, "node.id", "7", AlterConfigOp.OpType.SET));
        });
        step("configs of all brokers", () -> {
            setForAWhile(new ConfigResource(ConfigResource.Type.BROKER, ""), ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG);
        });
        step("configs of client metrics", () -> {
            ConfigResource metrics = new ConfigResource(ConfigResource.Type.CLIENT_METRICS, name);
            Driver.get(alter(metrics, "interval.ms", "60000", AlterConfigOp.OpType.SET));
            waitForConfig(metrics, "interval.ms", "60000");
        });
        step("listClientMetricsResources", () -> {
            var all = Driver.get(admin.listClientMetricsResources().all());
            check(all.stream().anyMatch(r -> r.name().equals(name)), () -> "resources " + all);
        });
    }

    void records() {
        step("listOffsets, many partitions at once", () -> {
            var wanted = IntStream.range(0, PARTITIONS).boxed().collect(toMap(this::partition, p -> p % 2 == 0 ? OffsetSpec.latest() : OffsetSpec.earliest()));
            var got = Driver.get(admin.listOffsets(wanted).all());
            got.forEach((p, info) -> check(info.offset() == (p.partition() % 2 == 0 ? 100 : 0), () -> p + ": " + info));
        });
        step("deleteRecords", () -> {
            var low = admin.deleteRecords(Map.of(partition(0), RecordsToDelete.beforeOffset(40), partition(1), RecordsToDelete.beforeOffset(-1))).lowWatermarks();
            check(Driver.get(low.get(partition(0))).lowWatermark() == 40 && Driver.get(low.get(partition(1))).lowWatermark() == 100, () -> "low watermarks of the answer");
            check(Driver.offset(partition(0), OffsetSpec.earliest()) == 40 && Driver.offset(partition(1), OffsetSpec.earliest()) == 100, () -> "earliest offsets");
            refused(OffsetOutOfRangeException.class, admin.deleteRecords(Map.of(partition(0), RecordsToDelete.beforeOffset(1000))).all());
            check(Driver.readFromStart(name, 1, 60).get(0).offset() == 40, () -> "a consumer starts at 40");
        });
        step("describeProducers", () -> {
            List<ProducerState> producers = Driver.get(admin.describeProducers(List.of(partition(2))).all()).get(partition(2)).activeProducers();
            check(producers.size() == 1 && producers.get(0).lastSequence() == 99 && producers.get(0).producerEpoch() == 0 && producers.get(0).currentTransactionStartOffset().isEmpty(), () -> "producers " + producers);
        });
    }

    void groups() {
        Driver.Member[] member = new Driver.Member[1];
        step("describeConsumerGroups", () -> {
            member[0] = new Driver.Member("group.instance.id", "one");
            waitFor(() -> member[0].owned.size() == PARTITIONS, () -> "a member that owns all");
            ConsumerGroupDescription group = Driver.get(admin.describeConsumerGroups(List.of(name), new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all()).get(name);
            check(Release.state(group).equals("Stable") && group.partitionAssignor().equals("range") && group.authorizedOperations().size() >= 3, () -> "group " + group);
            MemberDescription described = group.members().iterator().next();
            check(described.groupInstanceId().equals(Optional.of("one")) && described.assignment().topicPartitions().size() == PARTITIONS, () -> "member " + described);
        });
        step("deleteConsumerGroups, alter and delete offsets of a group in use", () -> {
            refused(GroupNotEmptyException.class, admin.deleteConsumerGroups(List.of(name)).all());
            refused(UnknownMemberIdException.class, admin.alterConsumerGroupOffsets(name, Map.of(partition(0), new OffsetAndMetadata(1))).all());
            refused(GroupSubscribedToTopicException.class, admin.deleteConsumerGroupOffsets(name, Set.of(partition(0))).all());
        });
        step("listConsumerGroups by state", () -> {
            var stable = Driver.get(admin.listConsumerGroups(new ListConsumerGroupsOptions().inStates(Set.of(ConsumerGroupState.STABLE))).all());
            check(stable.stream().anyMatch(g -> g.groupId().equals(name)), () -> "stable groups " + stable);
        });
        step("removeMembersFromConsumerGroup", () -> {
            member[0].leaving.set(true);
            member[0].join();
            Driver.get(admin.removeMembersFromConsumerGroup(name, new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("one")))).all());
            waitFor(() -> Release.state(Driver.groupDescription()).equals("Empty"), () -> "the group is empty");
        });
        step("alter, list and delete offsets of an empty group", () -> {
            Driver.get(admin.alterConsumerGroupOffsets(name, Map.of(partition(3), new OffsetAndMetadata(7, Optional.of(0), "seven"), partition(4), new OffsetAndMetadata(8))).all());
            var offsets = Driver.get(admin.listConsumerGroupOffsets(Map.of(name, new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(partition(3))), name + "-none", new ListConsumerGroupOffsetsSpec())).all());
            check(offsets.get(name).equals(Map.of(partition(3), new OffsetAndMetadata(7, Optional.of(0), "seven"))) && offsets.get(name + "-none").isEmpty(), () -> "offsets " + offsets);
            Driver.get(admin.deleteConsumerGroupOffsets(name, Set.of(partition(3))).all());
            check(Driver.get(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata()).get(partition(3)) == null, () -> "the offset is still there");
        });
        step("a group with offsets and no members", () -> {
            Driver.get(admin.alterConsumerGroupOffsets(name + "-simple", Map.of(partition(0), new OffsetAndMetadata(50))).all());
            ConsumerGroupDescription group = Driver.get(admin.describeConsumerGroups(List.of(name + "-simple")).all()).get(name + "-simple");
            check(group.isSimpleConsumerGroup() && Release.state(group).equals("Empty"), () -> "group " + group);
            Driver.get(admin.deleteConsumerGroups(List.of(name + "-simple")).all());
            refused(GroupIdNotFoundException.class, admin.deleteConsumerGroups(List.of(name + "-simple")).all());
        });
        // The steps of some releases look at a group with a member.
        step("a member returns", () -> {
            Driver.Member again = new Driver.Member();
            waitFor(() -> again.owned.size() == PARTITIONS, () -> "a member that owns all");
        });
    }

    void quotas() {
        ClientQuotaEntity client = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, name));
        ClientQuotaFilter filter = ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.CLIENT_ID, name)));
        step("alterClientQuotas and describeClientQuotas", () -> {
            Driver.get(admin.alterClientQuotas(List.of(new ClientQuotaAlteration(client, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e6), new ClientQuotaAlteration.Op("request_percentage", 50.0))))).all());
            waitFor(() -> Map.of(client, Map.of("producer_byte_rate", 1e6, "request_percentage", 50.0)).equals(Driver.get(admin.describeClientQuotas(filter).entities())), () -> "both quotas");
            Driver.get(admin.alterClientQuotas(List.of(new ClientQuotaAlteration(client, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", null), new ClientQuotaAlteration.Op("request_percentage", null))))).all());
            waitFor(() -> Driver.get(admin.describeClientQuotas(filter).entities()).isEmpty(), () -> "no quotas");
        });
        step("alterClientQuotas: refusals", () ->
            refused(InvalidRequestException.class, admin.alterClientQuotas(List.of(new ClientQuotaAlteration(client, List.of(new ClientQuotaAlteration.Op("no_such_quota", 1.0))))).all()));
    }

    int broker() throws Exception {
        return Driver.get(admin.describeCluster().nodes()).iterator().next().id();
    }

    void cluster() {
        step("describeCluster with authorized operations", () -> {
            DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
            check(Driver.get(cluster.nodes()).size() == 1 && Driver.get(cluster.controller()).id() == broker(), () -> "the nodes");
            check(Driver.get(cluster.authorizedOperations()).size() == 7, () -> "operations of the cluster");
        });
        step("describeFeatures", () -> {
            FeatureMetadata features = Driver.get(admin.describeFeatures().featureMetadata());
            check(features.finalizedFeatures().containsKey("metadata.version") && features.supportedFeatures().containsKey("metadata.version"), () -> "features " + features);
        });
        step("updateFeatures, validateOnly", () -> {
            short level = Driver.get(admin.describeFeatures().featureMetadata()).finalizedFeatures().get("metadata.version").maxVersionLevel();
            UpdateFeaturesOptions dry = new UpdateFeaturesOptions().validateOnly(true);
            Driver.get(admin.updateFeatures(Map.of("metadata.version", new FeatureUpdate(level, FeatureUpdate.UpgradeType.UPGRADE)), dry).all());
            refused(InvalidUpdateVersionException.class, admin.updateFeatures(Map.of("metadata.version", new FeatureUpdate((short) 1000, FeatureUpdate.UpgradeType.UPGRADE)), dry).all());
        });
        step("describeMetadataQuorum", () -> {
            QuorumInfo quorum = Driver.get(admin.describeMetadataQuorum().quorumInfo());
            check(quorum.leaderId() == broker() && quorum.voters().size() == 1 && quorum.observers().isEmpty() && quorum.highWatermark() > 0, () -> "quorum " + quorum);
        });
        step("unregisterBroker of one that is unknown", () -> refused(BrokerIdNotRegisteredException.class, admin.unregisterBroker(4711).all()));
    }

    void replicas() {
        step("describeLogDirs", () -> {
            var dirs = Driver.get(admin.describeLogDirs(List.of(broker())).allDescriptions()).get(broker());
            check(dirs.size() == 1, () -> "directories " + dirs);
            LogDirDescription dir = dirs.values().iterator().next();
            ReplicaInfo replica = dir.replicaInfos().get(partition(2));
            check(dir.error() == null && dir.totalBytes().getAsLong() > dir.usableBytes().getAsLong() && dir.usableBytes().getAsLong() > 0, () -> "directory " + dir.totalBytes() + " " + dir.usableBytes());
            check(replica != null && replica.size() > 0 && replica.offsetLag() == 0 && !replica.isFuture(), () -> "replica " + replica);
        });
        step("describeReplicaLogDirs", () -> {
            TopicPartitionReplica replica = new TopicPartitionReplica(name, 2, broker());
            check(Driver.get(admin.describeReplicaLogDirs(List.of(replica)).all()).get(replica).getCurrentReplicaLogDir() != null, () -> "the directory of a replica");
        });
        step("electLeaders", () -> {
            for (ElectionType type : ElectionType.values()) {
                Optional<Throwable> result = Driver.get(admin.electLeaders(type, Set.of(partition(0))).partitions()).get(partition(0));
                check(result.isPresent() && result.get() instanceof ElectionNotNeededException, () -> type + ": " + result);
            }
            Optional<Throwable> result = Driver.get(admin.electLeaders(ElectionType.PREFERRED, Set.of(new TopicPartition(name, 99))).partitions()).get(new TopicPartition(name, 99));
            check(result.isPresent() && result.get() instanceof UnknownTopicOrPartitionException, () -> "unknown partition: " + result);
        });
        step("alterPartitionReassignments and listPartitionReassignments", () -> {
            Driver.get(admin.alterPartitionReassignments(Map.of(partition(0), Optional.of(new NewPartitionReassignment(List.of(broker()))))).all());
            refused(NoReassignmentInProgressException.class, admin.alterPartitionReassignments(Map.of(partition(0), Optional.empty())).all());
            refused(InvalidReplicaAssignmentException.class, admin.alterPartitionReassignments(Map.of(partition(0), Optional.of(new NewPartitionReassignment(List.of(4711))))).all());
            check(Driver.get(admin.listPartitionReassignments().reassignments()).isEmpty(), () -> "nothing is being moved");
        });
    }

    void security() {
        step("describeAcls without an authorizer", () -> refused(SecurityDisabledException.class, admin.describeAcls(AclBindingFilter.ANY).values()));
        step("alterUserScramCredentials and describeUserScramCredentials", () -> {
            Driver.get(admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(name, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all());
            waitFor(() -> {
                try {
                    return Driver.get(admin.describeUserScramCredentials(List.of(name)).description(name)).credentialInfos().equals(List.of(new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)));
                } catch (ResourceNotFoundException notYet) {
                    return false;
                }
            }, () -> "the credential");
            Driver.get(admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_256))).all());
            waitFor(() -> !Driver.get(admin.describeUserScramCredentials().users()).contains(name), () -> "the credential is gone");
        });
    }

    void clear() {
        step("configs of client metrics are deleted", () -> {
            Driver.get(alter(new ConfigResource(ConfigResource.Type.CLIENT_METRICS, name), "interval.ms", null, AlterConfigOp.OpType.DELETE));
        });
    }
}

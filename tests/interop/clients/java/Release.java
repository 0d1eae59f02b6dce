import static driver.Scenarios.*;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.utils.internals.AppInfoParser;

/** What kafka-clients 4 calls differently from other releases, or has alone. */
class Release {
    static String version() {
        return AppInfoParser.getVersion();
    }

    static Set<String> groups(Admin admin) throws Exception {
        return Driver.get(admin.listGroups().all()).stream().map(GroupListing::groupId).collect(Collectors.toSet());
    }

    static String state(ConsumerGroupDescription group) {
        return group.groupState().toString();
    }

    static void steps(AdminWhole whole) {
        String topic = prefix;
        ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, topic);
        whole.step("configs of a group", () -> {
            Driver.get(whole.alter(group, "consumer.session.timeout.ms", "50000", AlterConfigOp.OpType.SET));
            whole.waitForConfig(group, "consumer.session.timeout.ms", "50000");
            whole.refused(InvalidConfigurationException.class, whole.alter(group, "consumer.session.timeout.ms", "1", AlterConfigOp.OpType.SET));
        });
        whole.step("describeCluster with fenced brokers", () -> check(Driver.get(admin.describeCluster(new DescribeClusterOptions().includeFencedBrokers(true)).nodes()).size() == 1, () -> "one broker"));
        whole.step("listConfigResources", () -> {
            var all = Driver.get(admin.listConfigResources().all());
            for (ConfigResource.Type type : List.of(ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER)) {
                check(all.stream().anyMatch(r -> r.type() == type), () -> "no " + type + " in " + all);
            }
        });
        whole.step("listConfigResources of groups and client metrics", () -> {
            var some = Driver.get(admin.listConfigResources(Set.of(ConfigResource.Type.GROUP, ConfigResource.Type.CLIENT_METRICS), new ListConfigResourcesOptions()).all());
            for (ConfigResource.Type type : List.of(ConfigResource.Type.GROUP, ConfigResource.Type.CLIENT_METRICS)) {
                check(some.contains(new ConfigResource(type, topic)), () -> "no " + type + " in " + some);
            }
            check(some.stream().noneMatch(r -> r.type() == ConfigResource.Type.TOPIC), () -> "topics in " + some);
            Driver.get(whole.alter(group, "consumer.session.timeout.ms", null, AlterConfigOp.OpType.DELETE));
        });
        whole.step("listGroups by type and state", () -> {
            var classic = Driver.get(admin.listGroups(ListGroupsOptions.forConsumerGroups().withTypes(Set.of(GroupType.CLASSIC))).all());
            check(classic.stream().anyMatch(g -> g.groupId().equals(topic) && g.protocol().equals("consumer")), () -> "groups " + classic);
            var dead = Driver.get(admin.listGroups(new ListGroupsOptions().inGroupStates(Set.of(GroupState.DEAD))).all());
            check(dead.stream().noneMatch(g -> g.groupId().equals(topic)), () -> "dead groups " + dead);
        });
        whole.step("describeClassicGroups", () -> {
            ClassicGroupDescription described = Driver.get(admin.describeClassicGroups(List.of(topic)).all()).get(topic);
            check(described.protocol().equals("consumer") && described.members().size() == 1, () -> "group " + described);
        });
    }
}

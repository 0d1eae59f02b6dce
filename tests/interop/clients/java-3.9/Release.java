import static driver.Scenarios.*;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.utils.AppInfoParser;

/** What kafka-clients 3 calls differently from other releases, or has alone. */
class Release {
    static String version() {
        return AppInfoParser.getVersion();
    }

    static Set<String> groups(Admin admin) throws Exception {
        return Driver.get(admin.listConsumerGroups().all()).stream().map(ConsumerGroupListing::groupId).collect(Collectors.toSet());
    }

    static String state(ConsumerGroupDescription group) {
        return group.state().toString();
    }

    static void steps(AdminWhole whole) {
        whole.step("alterConfigs, which replaces all", () -> {
            Driver.get(admin.alterConfigs(Map.of(whole.topic, new Config(List.of(new ConfigEntry("segment.ms", "7200000"))))).all());
            whole.waitForConfig(whole.topic, "segment.ms", "7200000");
            check(whole.config(whole.topic, "retention.ms").source() != ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, () -> "retention.ms was replaced");
        });
    }
}

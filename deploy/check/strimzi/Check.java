import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads resources with the types that Strimzi's operators read them with, and writes them again: a field that comes
 * back in no typed place is one that Strimzi does not know.
 *
 * java -cp 'LIBRARIES/*' Check.java < resources.json
 */
public class Check {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Map<String, Class<?>> KINDS =
        Map.of("KafkaTopic", KafkaTopic.class, "KafkaUser", KafkaUser.class);
    private static final String DEFAULT = ".patternType: literal";
    private static final List<String> VERSIONS = List.of("kafka.strimzi.io/v1", "kafka.strimzi.io/v1beta2");

    public static void main(String[] arguments) throws Exception {
        Set<String> wrong = new LinkedHashSet<>();
        for (JsonNode resource : MAPPER.readTree(System.in)) {
            String kind = resource.path("kind").asText();
            String name = kind + " " + resource.path("metadata").path("name").asText();
            if (!KINDS.containsKey(kind) || !VERSIONS.contains(resource.path("apiVersion").asText())) {
                wrong.add(name + ": no such kind");
                continue;
            }
            try {
                Object read = MAPPER.treeToValue(resource, KINDS.get(kind));
                unknown(read, name, wrong);
                lost(resource.path("spec"), MAPPER.valueToTree(read).path("spec"), name + " spec", wrong);
            } catch (com.fasterxml.jackson.core.JsonProcessingException problem) {
                wrong.add(name + ": " + problem.getOriginalMessage());
            }
        }
        wrong.forEach(System.err::println);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    /** Strimzi's types keep what they do not know apart, so that it can be warned of. */
    private static void unknown(Object value, String where, Set<String> wrong) throws Exception {
        if (value instanceof Iterable<?> items) {
            for (Object item : items) {
                unknown(item, where, wrong);
            }
        } else if (value != null && value.getClass().getName().startsWith("io.strimzi.")) {
            if (value instanceof Enum) {
                return;
            }
            for (java.lang.reflect.Method method : value.getClass().getMethods()) {
                boolean getter = method.getName().startsWith("get") && method.getParameterCount() == 0;
                if (!getter || method.getDeclaringClass() == Object.class) {
                    continue;
                }
                if (method.getName().equals("getAdditionalProperties")) {
                    Map<?, ?> found = (Map<?, ?>) method.invoke(value);
                    if (found != null && !found.isEmpty()) {
                        wrong.add(where + ": unknown " + found.keySet() + " in " + value.getClass().getSimpleName());
                    }
                } else {
                    unknown(method.invoke(value), where, wrong);
                }
            }
        }
    }

    /** What was said must come back as it was said: a word that an enumeration does not have comes back as nothing. */
    private static void lost(JsonNode said, JsonNode kept, String where, Set<String> wrong) {
        if (said.isObject()) {
            for (Iterator<String> names = said.fieldNames(); names.hasNext();) {
                String name = names.next();
                lost(said.get(name), kept.path(name), where + "." + name, wrong);
            }
        } else if (said.isArray() && kept.size() == said.size()) {
            for (int place = 0; place < said.size(); place++) {
                lost(said.get(place), kept.path(place), where + "[" + place + "]", wrong);
            }
        } else if (kept.isMissingNode() && (where + ": " + said.asText()).endsWith(DEFAULT)) {
            return; // a default is not written
        } else if (said.isArray() || !said.asText().equals(kept.asText())) {
            wrong.add(where + ": " + said + " is read as " + kept);
        }
    }
}

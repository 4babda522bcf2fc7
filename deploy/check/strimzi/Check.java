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
 * Reads resources with the types of Strimzi's operators and writes them again. A field that is missing afterwards is
 * unknown to Strimzi.
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

    /** Collects unknown fields: Strimzi's types store them separately, as additional properties. */
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

    /** Compares the written resource with the original: a value that an enumeration does not have is lost. */
    private static void lost(JsonNode original, JsonNode written, String where, Set<String> wrong) {
        if (original.isObject()) {
            for (Iterator<String> names = original.fieldNames(); names.hasNext();) {
                String name = names.next();
                lost(original.get(name), written.path(name), where + "." + name, wrong);
            }
        } else if (original.isArray() && written.size() == original.size()) {
            for (int place = 0; place < original.size(); place++) {
                lost(original.get(place), written.path(place), where + "[" + place + "]", wrong);
            }
        } else if (written.isMissingNode() && (where + ": " + original.asText()).endsWith(DEFAULT)) {
            return; // a default is omitted
        } else if (original.isArray() || !original.asText().equals(written.asText())) {
            wrong.add(where + ": " + original + " is read as " + written);
        }
    }
}

package com.cagen.quota.domain.request;

import com.cagen.quota.protocol.ErrorCode;
import java.util.List;
import java.util.Map;

/**
 * What is wrong with one field of a request.
 *
 * @param problem what it must be, in words; never the value that came
 */
public record Violation(String field, String problem) {

    /** The refusal that tells of {@code violations}, which is not empty. */
    public static RefusalException refuse(List<Violation> violations) {
        StringBuilder message = new StringBuilder("The request is not valid: ");
        String separator = "";
        for (Violation violation : violations) {
            message.append(separator).append(violation.field).append(' ').append(violation.problem);
            separator = "; ";
        }
        List<Map<String, Object>> details = violations.stream()
                .map(violation -> Map.<String, Object>of("field", violation.field, "problem", violation.problem))
                .toList();
        return new RefusalException(
                new Refusal(ErrorCode.INVALID_REQUEST, message.append('.').toString(), Map.of("violations", details)));
    }

    public static RefusalException refuse(String field, String problem) {
        return refuse(List.of(new Violation(field, problem)));
    }
}

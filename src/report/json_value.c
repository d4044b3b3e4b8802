#include "report/json_value.h"

json_t *smt_report_value_take(struct smt_buffer *text)
{
    json_t *string = text->failed ? NULL : json_stringn(text->data ? text->data : "", text->size);

    smt_buffer_clear(text);
    return string;
}

json_t *smt_report_value_bytes(const char *bytes)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_bytes(bytes, &text);
    return smt_report_value_take(&text);
}

json_t *smt_report_value_text(const char *escaped)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_text(escaped, &text);
    return smt_report_value_take(&text);
}

json_t *smt_report_value_number(uint64_t number)
{
    return json_integer((json_int_t)number);
}

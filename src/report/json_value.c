#include "report/json_value.h"

json_t *value_take(struct smt_buffer *text)
{
    json_t *string = text->failed ? NULL : json_stringn(text->data ? text->data : "", text->size);

    smt_buffer_clear(text);
    return string;
}

json_t *value_bytes(const char *bytes)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    show_bytes(bytes, &text);
    return value_take(&text);
}

json_t *value_text(const char *escaped)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    show_text(escaped, &text);
    return value_take(&text);
}

json_t *value_number(uint64_t number)
{
    return json_integer((json_int_t)number);
}

#include "preload/preload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "heap/heap.h"

#define SCAN_INTERVAL_S 600

struct mt_settings mt_settings;

static bool found, configured; /* the next malloc; the environment was read */
static uint8_t finding;

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static void settings_read(void)
{
    const char *text;
    uint64_t number;

    mt_settings.idle = setting("MT_IDLE") != NULL;
    text = setting("MT_KMEMLEAK");
    mt_settings.kmemleak_off = text && strcmp(text, "off") == 0;
    text = setting("MT_SOCKET");
    mt_settings.socket_off = text && strcmp(text, "off") == 0;
    text = setting("MT_SCAN");
    if (!text || !smt_number_parse(text, &number)) number = SCAN_INTERVAL_S;
    mt_settings.scan_interval_s = number > MT_SCAN_MOST_S ? MT_SCAN_MOST_S : (uint32_t)number;
    /* What is meant for one process, whatever programs it becomes, is not for its
     * children. */
    text = setting("MT_PID");
    if (!text || !smt_number_parse(text, &number) || number != (uint64_t)getpid()) return;
    text = setting("MT_REPORT");
    if (text && strlen(text) < sizeof mt_settings.report) {
        strcpy(mt_settings.report, text);
        mt_settings.report_pid = getpid();
    }
    if (setting("MT_SURVEY")) mt_survey_begin();
    text = setting("MT_OOM");
    if (text) mt_fault_arm(text);
}

/* The next malloc itself, unless it would be given blocks it never made. */
static const struct mt_functions *direct(void)
{
    return mt_early_given ? &mt_tracked : &mt_next;
}

void mt_mode_update(void)
{
    bool kmemleak = !mt_settings.kmemleak_off && !mt_settings.idle;
    bool wanted = kmemleak || smt_ages_state() != SMT_AGES_NONE || mt_fault_armed;

    if (!kmemleak) atomic_store(&mt_complete, false);
    mt_current_set(wanted ? &mt_tracked : direct());
    if (!wanted) smt_live_clear();
}

/* The first call of all may come before the environment is there. */
void mt_start(void)
{
    if (!found) {
        if (finding) {
            mt_current_set(&mt_early);
            return;
        }
        finding = 1;
        mt_current_set(&mt_early);
        mt_next_find();
        smt_live_init();
        found = true;
        atomic_store(&mt_complete, true);
    }
    if (!configured) {
        mt_current_set(&mt_tracked);
        return;
    }
    mt_mode_update();
    mt_control_start();
}

/* --- fork --- */

static void fork_begin(void)
{
    mt_thread.busy++;
    smt_live_lock();
    smt_live_stack_lock();
    mt_regions_lock();
    mt_modules_lock();
}

static void fork_end(void)
{
    mt_modules_unlock();
    mt_regions_unlock();
    smt_live_stack_unlock();
    smt_live_unlock();
    mt_thread.busy--;
}

static void fork_child(void)
{
    fork_end();
    mt_fault_forget();
    mt_control_forked();
    if (!mt_settings.socket_off) mt_current_set_first();
}

/* --- begin and end --- */

__attribute__((constructor)) static void preload_begin(void)
{
    if (!found) mt_start();
    settings_read();
    mt_track_init();
    smt_scan_prepare();
    mt_modules_note();
    pthread_atfork(fork_begin, fork_end, fork_child);
    configured = true;
    mt_mode_update();
    mt_control_start();
}

static void report_write(void)
{
    if (!*mt_settings.report || getpid() != mt_settings.report_pid) return;
    mt_settings.report_pid = 0;
    mt_settings.socket_off = false;
    mt_fault_armed = false;
    mt_control_ask("report");
}

__attribute__((destructor)) static void preload_end(void)
{
    report_write();
}

/* Programs that end without their destructors. */
__attribute__((visibility("default"), noreturn)) void _exit(int status)
{
    report_write();
    syscall(231 /* exit_group */, status);
    __builtin_trap();
}

__attribute__((visibility("default"), noreturn)) void _Exit(int status)
{
    _exit(status);
}

/* control/server.h - placeholder until the next commit */
#ifndef SMT_CONTROL_SERVER_H
#define SMT_CONTROL_SERVER_H
#endif

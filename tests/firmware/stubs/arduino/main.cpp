#include <Arduino.h>
#include SKETCH
int main()
{
    setup();
    loop();
    return 0;
}
